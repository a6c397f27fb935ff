"""Record what smart-restart makes of the rule files in this directory.

    pip install smart-restart==0.1.0
    python record.py

rewrites the section "smart-restart" of each case: what its load_rules returns,
or the error that it raises.
"""

import json
import pathlib
import tempfile

from smart_restart.decider import load_rules

START, END = "-- restart-rules.yaml --\n", "-- smart-restart --\n"


def loaded(text: str) -> str:
    with tempfile.TemporaryDirectory() as dir:
        path = pathlib.Path(dir) / "restart-rules.yaml"
        path.write_text(text, encoding="utf-8")
        try:
            rules = load_rules(path)
        except Exception as error:
            return f"error: {str(error).replace(dir + '/', '')}\n"
    result = {
        "actions": {str(name): order for name, order in rules.actions.items()},
        "rules": [
            {"pattern": rule.get("pattern", ""), "actions": [str(a) for a in rule.get("actions") or []]}
            for rule in rules.rules
        ],
        "fallback": rules.fallback if isinstance(rules.fallback, str) else [str(a) for a in rules.fallback],
    }
    return json.dumps(result, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


for case in sorted(pathlib.Path(__file__).parent.glob("*.txtar")):
    head, _, rest = case.read_text(encoding="utf-8").partition(START)
    rules, _, rest = rest.partition(END)
    _, mark, refused = rest.partition("-- refused --\n")
    case.write_text(head + START + rules + END + loaded(rules) + mark + refused, encoding="utf-8")
