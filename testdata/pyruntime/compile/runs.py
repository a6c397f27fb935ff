raise SystemExit("this file was executed")
