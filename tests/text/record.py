"""Writes recorded.json: what the rules of sira-core's text module give, read once more and independently.

Regular expressions over Python's own Unicode data, as feature builders beside a database have them. Run by hand:
python3 tests/text/record.py > tests/text/recorded.json
"""
import json
import random
import re
import unicodedata

SUFFIXES = set("""inc incorporated llc llp ltd limited corp corporation company co gmbh plc pty pte sarl srl kgaa ltda
bhd sdn oyj sro aps""".split())
LAST = set("ag kg ab as asa oy nv bv se sa sas lp kk".split())
STOP = set("""a about after all an and any are as at be by com for from has have http https if in into is it its my no
not of on or our out so than that the their this to up via was we with www you your""".split())
INVISIBLE = re.compile("[\u00ad\u200c-\u200f\u202a-\u202e\u2060-\u2069\ufeff\ufe00-\ufe0f\U000e0000-\U000e01ef]")


JOIN = re.compile("(?<=(.))['`\u2018\u2019\u02bc&](?=(.))")


def strip(text):
    text = INVISIBLE.sub("", text)
    return re.sub("([A-Za-z\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u024f\u0370-\u0373\u0376-\u037d\u0386-\u03ff])[\u0300-\u036f]+",
                  r"\1", text)


def fold(text):
    text = strip(unicodedata.normalize("NFKD", text))
    text = "".join(c.lower() for c in "".join(c.upper() for c in text))
    return unicodedata.normalize("NFKC", strip(unicodedata.normalize("NFKD", text)))


def solid(c):
    # Letters, digits and marks.
    return unicodedata.category(c)[0] in "LNM"


def words(text):
    found = []
    for chunk in fold(text).split():
        while chunk and not solid(chunk[0]):
            chunk = chunk[1:]
        while chunk and not solid(chunk[-1]):
            chunk = chunk[:-1]
        pieces = chunk.split(".")
        if len(pieces) > 1 and all(len(p) == 1 and unicodedata.category(p)[0] == "L" for p in pieces):
            found.append("".join(pieces))
            continue
        if sum(map(numeric, chunk)) >= 4 and all(numeric(c) or c in "-/.,:" for c in chunk):
            found.append("".join(filter(numeric, chunk)))
            continue
        # What joins two letters; a mark begins no word.
        chunk = re.sub(JOIN, lambda m: "" if solid(m[1]) and unicodedata.category(m[2])[0] in "LN" else m[0], chunk)
        word = ""
        for c in chunk + " ":
            if solid(c) and c != "\u02bc" and (word or unicodedata.category(c)[0] != "M"):
                word += c
            elif word:
                found.append(word)
                word = ""
    return found


def numeric(c):
    return unicodedata.category(c)[0] == "N"


def name(word):
    if sum(map(numeric, word)) < 4:
        return word
    letters = word
    while letters and numeric(letters[-1]):
        letters = letters[:-1]
    if any(map(numeric, letters)) or len(letters) < 3 or set(letters) == {"x"}:
        return None
    return letters


def normalise(text):
    kept = []
    for word in filter(None, map(name, words(text))):
        if word in SUFFIXES and any(k not in STOP for k in kept):
            if word in ("co", "company") and kept[-1] in ("and", "und", "et", "y"):
                kept.pop()
        else:
            kept.append(word)
    while len(kept) > 1 and kept[-1] in LAST and any(k not in STOP for k in kept[:-1]):
        kept.pop()
    return " ".join(kept)


def tokens(text):
    return [w for w in normalise(text).split() if w not in STOP][:20]


BY_HAND = """SQ *BLUE BOTTLE COFFEE, INC. #0231
Blue Bottle Coffée L.L.C.
AMZN Mktp US*RT4Y29XK3
NETFLIX.COM 866-579-7172 CA
McDonald's F12345
AT&T *PAYMENT
H&M 0042 STOCKHOLM
7-ELEVEN 34567
Johnson & Johnson
Tiffany & Co.
Müller GmbH & Co. KG
Siemens AG 12345
S.A. Brain
Société Générale S.A.
THE COMPANY STORE
WALMART12345
XXXX1234 PAYMENT
xxxxxxxxxxxx9876
POS DEBIT VISA CHECK CARD 1234
4829173

   
ÅNGSTRÖM AB
Straße Nº 5
ﬁne ﬂour Ltd
ＮＥＴＦＬＩＸ　ＩＮＣ
ΟΔΥΣΣΕΥΣ Α.Ε.
οδυσσεύς
Московский йогурт ООО
東京電力 株式会社
がぎぐ ガギグ
क्रेडिट कार्ड
İSTANBUL Istanbul ıstanbul
café cafe\u0301 CAFÉ
naïve co\u00adoperation
🍕 Pizza & Co 🍕
a.b.c. d.e f.
Inc
The Inc
and company
brown and company
the an of in on
O'Reilly’s `quoted`
J.P.Morgan Chase
one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen nineteen twenty twentyone twentytwo
٣٤٥٦ ١٢
½ ⅓ Ⅳ ⒈ ℀ ㏂
CALL 866-579-7172 03/15/2026 12:30
24/7 1,234.56 1.5 3-4
""".split("\n")

rng = random.Random(7)
LETTERS = ([chr(c) for c in range(0x20, 0x7f)] * 3 + list("ÀÉîõüßøłđæœςΣσάЙйЁёıİŉǰǅ½²ﬁ’ʼ‘&..  \u0301\u0308\u00ad\u200d\u3000")
           + list("かがけ東京क्षिกำอาגדابت한국"))
PIECES = "Inc LLC Ltd. Corp GmbH AG SA & and Co company the of 12345 a1b2 abc9876 x9999 S.A. L.L.C. Café O'Neil".split()
texts = list(BY_HAND)
for _ in range(600):
    texts.append("".join(rng.choice(LETTERS) for _ in range(rng.randrange(1, 30))))
for _ in range(300):
    texts.append(rng.choice([" ", "  ", " *"]).join(rng.choice(PIECES) for _ in range(rng.randrange(1, 9))))
print("[")
print(",\n".join(json.dumps([t, normalise(t), tokens(t)], ensure_ascii=True) for t in texts))
print("]")
