"""What schemathesis needs to know of the exchange it asks: ids that exist, in the environment, and the account's token."""

import functools
import os
import zlib

import requests
import schemathesis

URL = os.environ["BANDEX_URL"]
HEADERS = {"Authorization": f"Bearer {os.environ['TOKEN']}"}

#: Parameters in paths and queries, and the variables that hold values of them.
KNOWN = {
    "account": ["ACCOUNT", "OTHER_ACCOUNT"],
    "from": ["ACCOUNT", "OTHER_ACCOUNT"],
    "key": ["KEY", "OTHER_KEY"],
    "market": ["MARKET", "OTHER_MARKET"],
    "order": ["ORDER"],
}
#: What `id` names, by the path that it stands in.
IDS = {"/v1/blocks/": ["BLOCK", "ACCOUNT"], "/v1/deals/": ["DEAL", "SETTLED_DEAL"]}


@schemathesis.hook
def before_call(context, case, kwargs):
    """Makes something of cases that keep to the document: half of the ids they made up become ids that exist, half of
    the blocks one that was signed, and every cursor that of a second page, since nobody makes one up."""
    if case.meta is None or case.meta.generation.mode.name != "POSITIVE":
        return
    path = case.operation.path
    for parameters in (case.path_parameters, case.query):
        for name, made_up in (parameters or {}).items():
            variables = KNOWN.get(name)
            if name == "id":
                variables = next((ids for start, ids in IDS.items() if path.startswith(start)), None)
            number = chance(made_up)
            if variables and number % 2:
                parameters[name] = os.environ[variables[number // 2 % len(variables)]]
    if case.query and "cursor" in case.query:
        cursor = second_page(case.formatted_path, case.query.get("interval"))
        case.query.update({"cursor": cursor}) if cursor else case.query.pop("cursor")
    if isinstance(case.body, dict) and "payload" in case.body and chance(case.body) % 2:
        case.body.update(SIGNED)


def chance(value):
    """A number that follows from the value, so that a run can be repeated."""
    return zlib.crc32(repr(value).encode())


def ask(path):
    answer = requests.get(URL + path, headers=HEADERS, timeout=20)
    answer.raise_for_status()
    return answer.json()


@functools.cache
def second_page(path, interval):
    """The cursor of the second page of a list, if there is such a list and it has one."""
    try:
        return ask(f"{path}?limit=1" + (f"&interval={interval}" if interval else "")).get("next_cursor")
    except requests.HTTPError:
        return None


SIGNED = ask(f"/v1/blocks/{os.environ['BLOCK']}")["signed"]
