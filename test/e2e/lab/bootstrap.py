#!/usr/bin/python3
"""The smallest Python runtime that keeps the rules of the Lambda Runtime API; see bootstrap.mjs, its twin for Node."""

import http.client
import importlib
import json
import os
import sys
import time

HOST = os.environ["AWS_LAMBDA_RUNTIME_API"]
sys.path.insert(0, os.environ["LAMBDA_TASK_ROOT"])


class Context:
    def __init__(self, deadline_ms):
        self.deadline_ms = deadline_ms

    def get_remaining_time_in_millis(self):
        return int(self.deadline_ms - time.time() * 1000)


def ask(method, path, value=None):
    connection = http.client.HTTPConnection(HOST)
    body = None if value is None else json.dumps(value)
    connection.request(method, f"/2018-06-01/runtime/{path}", body)
    answer = connection.getresponse()
    return answer.headers, answer.read()


module, name = os.environ["_HANDLER"].split(".")
handler = getattr(importlib.import_module(module), name)
while True:
    headers, event = ask("GET", "invocation/next")
    invocation = f"invocation/{headers['lambda-runtime-aws-request-id']}"
    try:
        answer = handler(json.loads(event), Context(int(headers["lambda-runtime-deadline-ms"])))
        ask("POST", f"{invocation}/response", answer)
    except Exception as error:  # a function's failure is reported, whatever it is
        ask("POST", f"{invocation}/error", {"errorType": type(error).__name__, "errorMessage": str(error)})
