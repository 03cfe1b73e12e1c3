"""Makes patients.txt: the PatientID and StudyInstanceUID of pydicom's test files, as pydicom has them, and the groups
that a key gives them by Python's hmac:

    pip install pydicom==3.0.2
    python make_patients.py

A line is FILE, a tab, and a JSON list of the two and the group.
"""

import glob
import hashlib
import hmac
import json
import os

import pydicom
import pydicom.data

KEY = b"0123456789abcdef0123456789abcdef"
HERE = os.path.dirname(os.path.abspath(__file__))


def group(kind, value):
    return hmac.new(KEY, kind + b"\0" + value.encode(), hashlib.sha256).hexdigest()[:32]


def main():
    folder = os.path.join(os.path.dirname(pydicom.data.__file__), "test_files")
    with open(os.path.join(HERE, "patients.txt"), "w", encoding="ascii") as out:
        for file in sorted(glob.glob(os.path.join(folder, "*.dcm"))):
            try:
                data = pydicom.dcmread(file, force=True, stop_before_pixels=True)
            except Exception:
                continue
            patient = str(data.get("PatientID") or "").strip()
            study = str(data.get("StudyInstanceUID") or "").strip()
            found = group(b"patient", patient) if patient else group(b"study", study) if study else ""
            out.write(f"{os.path.basename(file)}\t{json.dumps([patient, study, found])}\n")


main()
