"""Makes picture/epsgunits.txt, the units of EPSG's coordinate reference systems that are not in metres (projected ones) or
degrees (geographic ones), from the database of PROJ:

    pip install pyproj==3.7.2
    python make_epsgunits.py

A line is the number of a unit, and those of its systems; FIRST-LAST are all systems between two.
"""

import os

import pyproj
from pyproj.database import query_crs_info
from pyproj.enums import PJType

HERE = os.path.dirname(os.path.abspath(__file__))
METRE, DEGREES = "9001", {"9102", "9108", "9122"}


def units(kinds):
    """The unit of the first axis of each system, by its number."""
    return {int(i.code): pyproj.CRS.from_epsg(i.code).axis_info[0].unit_code for i in query_crs_info("EPSG", kinds, allow_deprecated=True)}


def ranges(known, unit):
    out = []
    for code in sorted(known):
        if known[code] != unit:
            out.append(None)
        elif out and out[-1]:
            out[-1][1] = code
        else:
            out.append([code, code])
    return [f"{r[0]}-{r[1]}" if r[0] < r[1] else str(r[0]) for r in out if r]


def main():
    with open(os.path.join(HERE, "..", "..", "picture", "epsgunits.txt"), "w", encoding="ascii") as f:
        for kinds, usual in (([PJType.PROJECTED_CRS], {METRE}), ([PJType.GEOGRAPHIC_2D_CRS, PJType.GEOGRAPHIC_3D_CRS], DEGREES)):
            known = units(kinds)
            for unit in sorted(set(known.values()) - usual):
                f.write(" ".join([unit, *ranges(known, unit)]) + "\n")


main()
