import sys
sys.argv = ["manage.py", "reprice", "10"]
import runpy
runpy.run_path("manage.py", run_name="__main__")
