"""What schemathesis needs to know of the exchange it asks: ids that exist, in the environment, and the account's token."""

import os
import zlib

import schemathesis

#: Path parameters and the variables that hold values of them.
KNOWN = {
    "/v1/blocks/{id}": {"id": ["BLOCK", "ACCOUNT"]},
    "/v1/lanes/{key}": {"key": ["KEY", "OTHER_KEY"]},
    "/v1/deals/{id}": {"id": ["DEAL", "SETTLED_DEAL", "DEFAULTED_DEAL"]},
    "/v1/orders/{order}": {"order": ["ORDER"]},
    "{account}": {"account": ["ACCOUNT", "OTHER_ACCOUNT"]},
    "{market}": {"market": ["MARKET", "OTHER_MARKET"]},
}


@schemathesis.hook
def map_path_parameters(context, path_parameters):
    """Puts ids that exist in the place of half of those that were made up, the same for the same."""
    for part, parameters in KNOWN.items():
        if part not in context.operation.path:
            continue
        for name, variables in parameters.items():
            chance = zlib.crc32(str(path_parameters.get(name)).encode())
            if name in path_parameters and chance % 2:
                path_parameters[name] = os.environ[variables[chance // 2 % len(variables)]]
    return path_parameters
