"""Writes tables of labels as pandas, Python's csv module, spreadsheets and Kaggle do, into the directory of this
script, and tables.json, which says which label and split each picture has by them, with the options to read them by.

    python testdata/labels/make_tables.py

Needs pandas. Each table is read back by pandas or csv before its expectation is written, so that what the test wants of
fovea is what these programs understand.
"""

import csv
import json
import pathlib
import unicodedata

import pandas as pd

HERE = pathlib.Path(__file__).parent
PICTURES = ["cats/käse 1.jpg", "cats/2.jpg", "dogs/3, big.png", "dogs/4.JPG", "5.jpeg"]
LABELS = ["cat", "cat", "dog; large", "Köter \"Rex\"", "other, rare"]
SPLITS = ["train", "test", "train", "val", "test"]
FRAME = pd.DataFrame({"path": PICTURES, "label": LABELS, "split": SPLITS})

tables = []


def add(name, frame, options="", split=True, pictures=PICTURES, labels=LABELS, **read):
    """Notes a table, after pandas has read the frame that was meant out of it."""
    again = pd.read_csv(HERE / name, dtype=str, keep_default_na=False, **read)
    want = frame.reset_index(drop=True).astype(str)
    got = again[[c for c in again.columns if not str(c).startswith("Unnamed")]]
    if read.get("header", 0) is None:
        got.columns = want.columns
    assert got.equals(want), f"{name}:\n{got}\n{want}"
    tables.append({"file": name, "options": options, "pictures": pictures, "labels": labels, "splits": SPLITS if split else [""] * len(pictures)})


def pandas(name, frame, options="", split=True, pictures=PICTURES, labels=LABELS, **write):
    write.setdefault("index", False)
    frame.to_csv(HERE / name, **write)
    read = {"sep": write.get("sep", ","), "encoding": write.get("encoding", "utf-8")}
    if write.get("header") is False:
        read["header"] = None
    add(name, frame, options, split, pictures, labels, **read)


def named(**names):
    return FRAME.rename(columns=names)


# pandas, with its settings.
pandas("pandas.csv", FRAME)
pandas("pandas-index.csv", FRAME, index=True)
pandas("pandas-tab.tsv", FRAME, sep="\t")
pandas("pandas-semicolon.csv", FRAME, sep=";")
pandas("pandas-pipe.csv", FRAME, sep="|")
pandas("pandas-quoted.csv", FRAME, quoting=csv.QUOTE_ALL, encoding="utf-8-sig")
pandas("pandas-crlf.csv", FRAME, lineterminator="\r\n")
pandas("pandas-bare.csv", FRAME, header=False)
pandas("pandas-order.csv", FRAME[["split", "label", "path"]])
pandas("pandas-utf16.csv", FRAME, sep="\t", encoding="utf-16")
pandas("pandas-cp1252.csv", FRAME, "encoding=cp1252", sep=";", encoding="cp1252")
pandas("pandas-macintosh.csv", FRAME, "encoding=macintosh", encoding="mac_roman")
pandas("pandas-more.csv", FRAME.assign(width=[1, 2, 3, 4, 5], height=7))
pandas("pandas-declared.csv", FRAME.assign(category="x"), "label=label")

# Columns under other names.
for header in [("file", "class", "subset"), ("filename", "target", "set"), ("image", "Label", "Dataset"), ("File Name", "Class Name", "Split"),
               ("img_path", "category", "partition"), ("image_path", "y", "split"), ("filepaths", "labels", "data set")]:
    name = "-".join(header).replace(" ", "").lower()
    pandas(f"columns-{name}.csv", named(path=header[0], label=header[1], split=header[2]))
pandas("columns-unknown.csv", FRAME[["path", "label"]].rename(columns={"path": "portrait of", "label": "breed"}), split=False)
pandas("columns-turned.csv", FRAME[["label", "path"]].rename(columns={"path": "photograph", "label": "breed"}), split=False)
pandas("columns-numbered.csv", FRAME.assign(more="x"), "path=1,label=2,split=3", header=False)

# Keras: flow_from_dataframe(frame, directory, x_col="filename", y_col="class").
pandas("keras.csv", named(path="filename", label="class")[["filename", "class"]], split=False)

# Kaggle: identifiers without extensions, of pictures in a folder.
IDS = ["000bec180eb18c7604dcecc8fe0dba07", "001513dfcb2ffafc82cccf4d8bbaba97", "001cdf01b096e06d78e9e5112d419397"]
kaggle = pd.DataFrame({"id": IDS, "breed": ["boston_bull", "dingo", "pekinese"]})
pandas("kaggle.csv", kaggle, split=False, pictures=[f"train/{i}.jpg" for i in IDS], labels=list(kaggle["breed"]))
ham = pd.DataFrame({"lesion_id": ["HAM_1", "HAM_2"], "image_id": ["ISIC_0024306", "ISIC_0034320"], "dx": ["nv", "mel"]})
pandas("kaggle-parts.csv", ham, "label=dx", split=False, pictures=["part_1/ISIC_0024306.jpg", "part_2/ISIC_0034320.jpg"], labels=["nv", "mel"])

# Paths as other systems write them.
pandas("windows.csv", FRAME.assign(path=["C:\\Users\\me\\photos\\" + p.replace("/", "\\") for p in PICTURES]), lineterminator="\r\n", sep=";")
pandas("folder.csv", FRAME.assign(path=["photos/" + p for p in PICTURES]))
pandas("dotted.csv", FRAME.assign(path=["./" + p for p in PICTURES]))
pandas("nfd.csv", FRAME.assign(path=[unicodedata.normalize("NFD", p) for p in PICTURES]))
pandas("below.csv", FRAME, pictures=["archive.tar/" + p for p in PICTURES])

# Numbers of classes, with their names in class_to_idx.json (torchvision), index.json (Keras) and synsets.txt.
WNIDS = ["n01440764", "n01443537", "n01484850"]
NAMES = ["tench", "goldfish", "great_white_shark"]
numbers = pd.DataFrame({"path": ["a.jpg", "b.jpg", "c.jpg"], "label": [2, 0, 1]})
(HERE / "class_to_idx.json").write_text(json.dumps({w: i for i, w in enumerate(WNIDS)}))
(HERE / "index.json").write_text(json.dumps({str(i): [w, n] for i, (w, n) in enumerate(zip(WNIDS, NAMES))}))
(HERE / "id2label.json").write_text(json.dumps(dict(enumerate(NAMES))))
(HERE / "synsets.txt").write_text("".join(f"{w} {n}, and more\n" for w, n in zip(WNIDS, NAMES)))
(HERE / "names.json").write_text(json.dumps(dict(zip(WNIDS, NAMES))))
pandas("numbers.csv", numbers, split=False, pictures=["a.jpg", "b.jpg", "c.jpg"], labels=["2", "0", "1"])
pandas("numbers-floats.csv", numbers.astype({"label": float}), "classes=index.json", split=False, pictures=["a.jpg", "b.jpg", "c.jpg"], labels=[WNIDS[i] for i in numbers["label"]])
for classes, names in [("class_to_idx.json", WNIDS), ("index.json", WNIDS), ("synsets.txt", WNIDS), ("id2label.json", NAMES)]:
    tables.append({"file": "numbers.csv", "options": f"classes={classes}", "pictures": ["a.jpg", "b.jpg", "c.jpg"], "labels": [names[i] for i in numbers["label"]], "splits": [""] * 3})
pandas("wnids.csv", pd.DataFrame({"path": ["a.jpg", "b.jpg"], "label": WNIDS[:2]}), "classes=names.json", split=False, pictures=["a.jpg", "b.jpg"], labels=NAMES[:2])

# Python's csv, in the dialects that it has.
for dialect in csv.list_dialects():
    name = f"csv-{dialect}.csv"
    with open(HERE / name, "w", newline="", encoding="utf-8") as out:
        writer = csv.writer(out, dialect)
        writer.writerow(FRAME.columns)
        writer.writerows(FRAME.itertuples(index=False))
    add(name, FRAME, sep=csv.get_dialect(dialect).delimiter)

# Excel: "CSV UTF-8" with semicolons where commas are decimal points, a line that declares them, and empty cells.
rows = ["sep=;", "Bild;Datei;Label"] + ["%d;%s;%s" % (i, p, '"' + l.replace('"', '""') + '"') for i, (p, l) in enumerate(zip(PICTURES, LABELS))] + [";;"]
(HERE / "excel-sep.csv").write_text("\ufeff" + "\r\n".join(rows) + "\r\n", encoding="utf-8", newline="")
again = pd.read_csv(HERE / "excel-sep.csv", sep=";", skiprows=1).dropna()
assert list(again["Datei"]) == PICTURES and list(again["Label"]) == LABELS
tables.append({"file": "excel-sep.csv", "options": "path=Datei", "pictures": PICTURES, "labels": LABELS, "splits": [""] * 5})

(HERE / "tables.json").write_text(json.dumps(tables, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
print(len(tables), "tables")
