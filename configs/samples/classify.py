#!/usr/bin/env python3
"""A classifier for bounce that asks a language model.

In bounce.yaml or restart-rules.yaml:

    classifier:
      run: [python3, classify.py]
      timeout: 20s

It talks to any endpoint that has chat completions as OpenAI's have them, such
as those of llama.cpp, vLLM and Ollama:

    CLASSIFIER_URL    up to and with the version: http://127.0.0.1:11434/v1
    CLASSIFIER_MODEL  the name of the model
    CLASSIFIER_KEY    sent as a bearer token; not needed by most local ones

It sends the names of files and actions, and nothing of what the files hold.
Whatever goes wrong ends it with a message: bounce applies the fallback then.
"""

import json
import os
import sys
import urllib.error
import urllib.request

SYSTEM = """You decide what has to be done on a server after files of a Python project changed.
You get a JSON object with "paths", the files that changed, and "actions", the names of what can be done.
Answer with one JSON object and nothing else: {"actions": [...], "reason": "..."}.
"actions" has the names of those actions that the files call for, each as it was given; it is empty when the files have
no effect on what runs, as documentation and tests have none. When in doubt, ask for the action.
"reason" says why in one short sentence."""


def setting(name, default=None):
    value = os.environ.get(name) or default
    if value is None:
        sys.exit(f"{name} is not set")
    return value


def complete(question):
    """Return what the model says to a question."""
    body = {
        "model": setting("CLASSIFIER_MODEL"),
        "messages": [
            {"role": "system", "content": SYSTEM},
            {"role": "user", "content": json.dumps(question)},
        ],
        "temperature": 0,
    }
    headers = {"Content-Type": "application/json"}
    if os.environ.get("CLASSIFIER_KEY"):
        headers["Authorization"] = "Bearer " + os.environ["CLASSIFIER_KEY"]
    url = setting("CLASSIFIER_URL").rstrip("/") + "/chat/completions"
    request = urllib.request.Request(url, json.dumps(body).encode(), headers)
    try:
        with urllib.request.urlopen(request) as response:
            reply = json.load(response)
        text = reply["choices"][0]["message"]["content"]
    except urllib.error.HTTPError as error:
        text = error.read(500).decode(errors="replace")
        sys.exit(f"{url} answers {error.code} {error.reason}: {' '.join(text.split())}")
    except (OSError, ValueError) as error:
        sys.exit(f"{url} gives no answer: {error}")
    except (KeyError, IndexError, TypeError):
        text = None
    if not isinstance(text, str):
        sys.exit(f"{url} answers with something that has no text: {json.dumps(reply)[:300]}")
    return text


def answer(text, declared):
    """Return the answer in what a model says, which may have words around it."""
    decoder = json.JSONDecoder()
    for start, character in enumerate(text):
        if character != "{":
            continue
        try:
            found, _ = decoder.raw_decode(text, start)
        except ValueError:
            continue
        actions = found.get("actions")
        if isinstance(actions, list) and all(isinstance(name, str) for name in actions):
            unknown = [name for name in actions if name not in declared]
            if unknown:
                sys.exit(f"the model asks for what is not declared: {', '.join(unknown)}")
            return {"actions": actions, "reason": str(found.get("reason") or "")}
    sys.exit(f"the model says nothing that is an answer: {text[:300]!r}")


def main():
    question = json.load(sys.stdin)
    names = [action["name"] for action in question["actions"]]
    text = complete({"paths": question["paths"], "actions": names})
    json.dump(answer(text, names), sys.stdout)


main()
