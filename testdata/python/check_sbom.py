"""Validates a bill of materials: check_sbom.py FILE. Against CycloneDX's own schema, formats of
licenses and addresses included, and that it can be read into cyclonedx-python-lib's model, with every
reference leading somewhere."""
import json
import sys

from cyclonedx.model.bom import Bom
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator

text = open(sys.argv[1], encoding="utf-8").read()
document = json.loads(text)
error = JsonStrictValidator(SchemaVersion.from_version(document["specVersion"])).validate_str(text)
if error:
    sys.exit(f"{sys.argv[1]} is not valid: {error}")
bom = Bom.from_json(document)
bom.validate()
print(len(bom.components), "components,", sum(1 for c in bom.components if c.licenses), "with a license,",
      sum(1 for c in bom.components if c.hashes), "with a checksum")
