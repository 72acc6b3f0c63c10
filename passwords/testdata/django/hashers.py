"""Speaks JSON with the tests: "make" prints hashes made by every hasher of this Django, "check" reads pairs from standard
input and prints for each whether Django's check_password accepts it."""

import json
import sys

from django.conf import settings

NAMES = """PBKDF2PasswordHasher PBKDF2SHA1PasswordHasher Argon2PasswordHasher BCryptSHA256PasswordHasher
BCryptPasswordHasher ScryptPasswordHasher SHA1PasswordHasher MD5PasswordHasher UnsaltedSHA1PasswordHasher
UnsaltedMD5PasswordHasher""".split()
PASSWORDS = ["plum tree by the gate", "l\u00e8tmein \u6885\u306e\u6728 \U0001f333", "", "0123456789" * 10]

from django.contrib.auth import hashers

present = [name for name in NAMES if hasattr(hashers, name)]
settings.configure(PASSWORD_HASHERS=["django.contrib.auth.hashers." + name for name in present])


def make():
    for name in present:
        hasher = getattr(hashers, name)()
        for password in PASSWORDS:
            if password != PASSWORDS[0]:  # the first has Django's own costs
                cheapen(hasher)
            yield {"hasher": hasher.algorithm, "password": password, "encoded": hasher.encode(password, hasher.salt())}


def cheapen(hasher):
    for cost, value in {"iterations": 1000, "rounds": 4, "time_cost": 1, "memory_cost": 64, "work_factor": 16}.items():
        if hasattr(hasher, cost):
            setattr(hasher, cost, value)


if sys.argv[1] == "make":
    json.dump({"hashes": list(make()), "unusable": hashers.make_password(None)}, sys.stdout)
else:
    json.dump([hashers.check_password(p["password"], p["encoded"]) for p in json.load(sys.stdin)], sys.stdout)
