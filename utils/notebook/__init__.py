"""Chapters as notebooks: built from their source; a learner's answers put in, found and moved between them."""

import sys

# nbformat imports jsonschema, and that the grammars of internationalized addresses, if they are installed: 3 seconds
# for a check that no notebook needs. None is how a module is said not to be there.
sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]
