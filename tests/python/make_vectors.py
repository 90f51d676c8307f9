"""Writes the frozen vectors of the stored format: make_vectors.py crates/jobcrypt-testkit/vectors/v1.json

Vectors are only ever added. Where the file is there already, a run that would change or drop one of its
entries writes nothing and fails.
"""

import base64
import json
import os
import sys

sys.dont_write_bytecode = True

import jobcrypt_format
from jobcrypt_format import (
    Context,
    Key,
    seal,
    seal_fields,
    seal_legacy,
    to_base64url,
    write_token,
)

INVOICE = Context("send_invoice", "prod")
INVOICE_ARGS = '{"iban":"DE89370400440532013000"}'

# Fixed, so that the vectors never change. Printed in a public file: of no use for anything else.
KEYS = {
    "xchacha20poly1305": Key("xchacha20poly1305", bytes(range(0x00, 0x20))),
    "xchacha20poly1305-other": Key("xchacha20poly1305", bytes(range(0x1F, -1, -1))),
    "secretbox": Key("secretbox", bytes(range(0x80, 0xA0))),
    "secretbox-other": Key("secretbox", bytes(range(0x9F, 0x7F, -1))),
    "fernet": Key("fernet", bytes(range(0xC0, 0xE0))),
    "fernet-other": Key("fernet", bytes(range(0xDF, 0xBF, -1))),
    "aes256gcm": Key("aes256gcm", bytes(range(0xA0, 0xC0))),
    "chacha20poly1305": Key("chacha20poly1305", bytes(range(0x60, 0x80))),
}
CIPHERS = ["xchacha20poly1305", "secretbox", "fernet"]
# What came later has tokens only: the other entries hold for any cipher.
CIPHERS_WITH_TOKENS = [*CIPHERS, "aes256gcm", "chacha20poly1305"]


def fixed(cipher, first=0x40):
    """A nonce that counts up from `first`; for Fernet the IV, and the second at which it was made."""
    if cipher == "fernet":
        return {"time": 1_700_000_000 + first, "iv": bytes(range(first, first + 16))}
    length = 12 if cipher in ("aes256gcm", "chacha20poly1305") else 24
    return {"nonce": bytes(range(first, first + length))}


def written(fixed):
    return {name: part.hex() if isinstance(part, bytes) else part for name, part in fixed.items()}


def context_of(context):
    return {
        "purpose": context.purpose,
        "kind": context.kind,
        "namespace": context.namespace,
        "detail": context.detail,
    }


# What opens


TOKENS = [
    ("invoice", INVOICE, INVOICE_ARGS),
    ("no-namespace", Context("send_invoice"), INVOICE_ARGS),
    ("empty-args", Context("send_invoice", "prod"), ""),
    ("empty-object", Context("rebuild_index"), "{}"),
    ("null", Context("rebuild_index"), "null"),
    ("array", Context("rebuild_index"), "[1,2,3]"),
    ("kept-as-written", INVOICE, ' { "b" : 1.0e2, "a":12345678901234567890123, "a" : 2 }\n'),
    ("unicode", Context("сЧёт/発注", "prod–eu"), '{"to":"Ada Łovelace 🗝"}'),
    ("output", Context("send_invoice", "prod", "output"), '{"pdf":"JVBERi0="}'),
    ("error", Context("send_invoice", "prod", "error"), '"connection refused"'),
    ("value", Context("send_invoice", "prod", "value", "password"), '"swordfish"'),
    ("vault", Context("", "prod", "vault", "ssh/backup/id"), '"-----BEGIN"'),
    ("own-purpose", Context("send_invoice", "prod", "x-report", "2026-11"), "{}"),
    # With its context 48 bytes, so Fernet's padding is a whole block.
    ("whole-blocks", Context("k", "n"), '{"a":"0123456789abcdefgh"}'),
    ("marker-in-args", INVOICE, '{"river_encrypt":"what the app wrote"}'),
    ("long", INVOICE, '{"text":"' + "0123456789abcdef" * 64 + '"}'),
    # The parts of a context cannot be moved from one to the next.
    ("parts-1", Context("ab", "c"), "{}"),
    ("parts-2", Context("a", "bc"), "{}"),
]


def tokens():
    for number, (name, context, args) in enumerate(TOKENS):
        for cipher in CIPHERS_WITH_TOKENS:
            key, chosen = KEYS[cipher], fixed(cipher, 0x40 + number)
            token = write_token(key, context, args.encode(), chosen)
            yield {
                "name": f"{cipher}-{name}",
                "cipher": cipher,
                "key": cipher,
                "context": {**context_of(context), "bytes": context.to_bytes().hex()},
                "args": args,
                **written(chosen),
                "body": jobcrypt_format.from_base64url(token.split(".")[3]).hex(),
                "token": token,
                "stored": seal(key, context, args.encode(), chosen).decode(),
            }


def padded():
    for number, (name, pad, args) in enumerate(
        [
            ("one-byte-left", 32, INVOICE_ARGS[:-1]),
            ("a-whole-bucket-more", 32, INVOICE_ARGS),
            ("empty", 16, ""),
            ("ends-like-padding", 16, '{"a":1}\x80\x00'),
            ("an-odd-bucket", 7, INVOICE_ARGS),
        ]
    ):
        for cipher in CIPHERS_WITH_TOKENS:
            chosen = fixed(cipher, 0x80 + number)
            yield {
                "name": f"{cipher}-{name}",
                "cipher": cipher,
                "key": cipher,
                "context": context_of(INVOICE),
                "pad": pad,
                "args": args,
                **written(chosen),
                "stored": seal(KEYS[cipher], INVOICE, args.encode(), chosen, pad).decode(),
            }


COMMAND = Context("send_command", "prod")
COMMAND_ARGS = (
    '{"host":"sw1","port":22,"credentials":{"u":"ada","p":"swordfish"},'
    '"users":[{"name":"a","ssn":"1"},{"ssn":2e0}],"tags":[ 1.10 ]}'
)
FIELDS = [
    ("command", COMMAND_ARGS, ["/credentials", "/users/*/ssn"], ["/note"], ["/host", "/port"], None),
    ("padded", COMMAND_ARGS, ["/credentials", "/users/*/ssn"], [], ["/host", "/port"], 256),
    ("nothing-bound", COMMAND_ARGS, ["/credentials"], [], [], None),
    ("nothing-there", "{ }", [], ["/note"], ["/host"], None),
    ("null", '{"a":null}', ["/a"], [], [], None),
    ("escaped-names", ' { "\\u0061/b" : 1 , "s~":{"k/":[2],"\\n":0},"*":3} ', ["/a~1b", "/s~0/*", "/~2"], [], [], None),
    ("an-element", '{"a":[[1,2],{"0":3}]}', ["/a/*/0"], [], ["/a/0/1"], None),
    (
        "everything-bound",
        '{"p":"x","b":{"n":[0,-0.0,1e2,1.50,-12e-3,12345678901234567890123],"é":{"z":true,"a":null},"":[]},"c":{}}',
        ["/p"],
        [],
        ["/b", "/c/*", "/d"],
        None,
    ),
]


def fields():
    for number, (name, args, required, optional, bound, pad) in enumerate(FIELDS):
        for cipher in CIPHERS_WITH_TOKENS:
            chosen, key = fixed(cipher, 0x90 + number), KEYS[cipher]
            lists = required, optional, bound
            yield {
                "name": f"{cipher}-{name}",
                "cipher": cipher,
                "key": cipher,
                "context": context_of(COMMAND),
                "required": required,
                "optional": optional,
                "bound": bound,
                "pad": pad,
                "args": args,
                **written(chosen),
                "stored": seal_fields(key, COMMAND, args.encode(), *lists, pad, chosen).decode(),
            }


def refused_fields():
    lists = ["/credentials", "/users/*/ssn"], ["/note"], ["/host", "/port"]
    for cipher in CIPHERS:
        stored = seal_fields(
            KEYS[cipher], COMMAND, COMMAND_ARGS.encode(), *lists, None, fixed(cipher, 0xA0)
        ).decode()
        for name, found, put, error in [
            ("host", '"sw1"', '"evil"', "bound_field_changed"),
            ("host-gone", '"host":"sw1",', "", "bound_field_changed"),
            ("port-a-text", ":22", ':"22"', "bound_field_changed"),
            ("removed", '"credentials":null,', "", "field_changed"),
            ("renamed", '"credentials"', '"credential"', "field_changed"),
            ("replaced", '"credentials":null', '"credentials":{}', "field_changed"),
            ("moved", '[{"name"', '[{},{"name"', "field_changed"),
            ("added", '"tags"', '"note":1,"tags"', "field_changed"),
            ("element-added", '[{"name"', '[{"ssn":null},{"name"', "field_changed"),
            ("twice", '"tags"', '"credentials":null,"tags"', "duplicate_field"),
            ("bound-twice", '"tags"', '"\\u0068ost":"sw1","tags"', "duplicate_field"),
            ("marker-twice", '"tags"', '"river\\u005fencrypt":1,"tags"', "malformed"),
            ("not-json", "[ 1.10 ]", "[ 1.10 ", "malformed"),
            ("another-marker", '"river_encrypt"', '"sealed"', "malformed"),
            ("as-a-whole", '"jc1f.', '"jc1.', "malformed"),
        ]:
            changed = stored.replace(found, put, 1)
            assert changed != stored
            yield entry(f"{cipher}-fields-{name}", changed, context=COMMAND, error=error)
        for name, context in [
            ("another-kind", Context("send_commands", "prod")),
            ("another-namespace", Context("send_command", "staging")),
            ("as-output", Context("send_command", "prod", "output")),
            ("as-value", Context("send_command", "prod", "value", "password")),
        ]:
            yield entry(
                f"{cipher}-fields-{name}", stored, context=context, error="authentication_failed"
            )


def refused_padding():
    for cipher in CIPHERS:
        token = invoice(cipher)
        yield entry(
            f"{cipher}-pad-put-on",
            under_marker(token.replace(cipher, cipher + "+pad", 1)),
            error="authentication_failed",
        )
        padded = seal(KEYS[cipher], INVOICE, INVOICE_ARGS.encode(), fixed(cipher), 64).decode()
        yield entry(
            f"{cipher}-pad-taken-off", padded.replace("+pad", ""), error="authentication_failed"
        )
        # Bytes that say that they are padded, and are not.
        key, context = KEYS[cipher], INVOICE.to_bytes("jc1+pad")
        for name, plaintext in [("no-mark", b"{}"), ("zeros-only", b"\0\0"), ("empty", b"")]:
            encryptor = key.encryptor()
            if encryptor.takes_associated_data:
                body = encryptor.encrypt(context, plaintext, fixed(cipher))
            else:
                body = encryptor.encrypt(
                    b"", plaintext + jobcrypt_format.ending(context), fixed(cipher)
                )
            token = ".".join(["jc1", f"{cipher}+pad", to_base64url(key.id), to_base64url(body)])
            yield entry(
                f"{cipher}-pad-{name}", under_marker(token), error="authentication_failed"
            )


def legacy():
    forms = [("River", cipher) for cipher in CIPHERS]
    forms += [("PlainBox", "secretbox"), ("PlainFernet", "fernet")]
    for number, args in enumerate([INVOICE_ARGS, "{}", '{"to":"Ada Łovelace 🗝"}']):
        for form, cipher in forms:
            chosen = fixed(cipher, 0x60 + number)
            yield {
                "name": f"{form}-{cipher}-{number + 1}",
                "form": form,
                "cipher": cipher,
                "key": cipher,
                "args": args,
                **written(chosen),
                "stored": seal_legacy(form, KEYS[cipher], args.encode(), chosen).decode(),
            }


# What else there is


def entry(name, stored, *, keys=CIPHERS, context=INVOICE, legacy=(), **outcome):
    return {
        "name": name,
        "keys": list(keys),
        "context": context_of(context),
        "legacy": list(legacy),
        "stored": stored,
        **outcome,
    }


def invoice(cipher):
    return write_token(KEYS[cipher], INVOICE, INVOICE_ARGS.encode(), fixed(cipher))


def under_marker(text):
    return json.dumps({"river_encrypt": text}, separators=(",", ":"), ensure_ascii=False)


def spellings():
    for cipher in CIPHERS:
        token = invoice(cipher)
        escaped = "".join(f"\\u{ord(letter):04x}" for letter in token[:8]) + token[8:]
        for name, stored in [
            ("as-jsonb-prints-it", f'{{"river_encrypt": "{token}"}}'),
            ("white-space", f' \t\r\n{{ \n"river_encrypt"\t:\r"{token}" }}\n '),
            ("escaped-marker", f'{{"river\\u005fencrypt":"{token}"}}'),
            ("escaped-token", f'{{"river_encrypt":"{escaped}"}}'),
        ]:
            yield entry(f"{cipher}-{name}", stored, args=INVOICE_ARGS)
    box = seal_legacy("PlainBox", KEYS["secretbox"], b"{}", fixed("secretbox")).decode()
    yield entry("PlainBox-white-space", f" {box}\n", legacy=["PlainBox"], args="{}")
    # A nonce that is all slashes, which some writers of JSON escape.
    box = seal_legacy("PlainBox", KEYS["secretbox"], b"{}", {"nonce": b"\xff" * 24}).decode()
    yield entry("PlainBox-escaped", box.replace("/", "\\/"), legacy=["PlainBox"], args="{}")
    yield entry(
        "jc1-beside-legacy", under_marker(invoice("secretbox")), legacy=["River"], args=INVOICE_ARGS
    )


def plaintext():
    token = invoice("secretbox")
    for name, stored in [
        ("object", INVOICE_ARGS),
        ("null", "null"),
        ("array-around-an-envelope", f'[{{"river_encrypt":"{token}"}}]'),
        ("marker-below-the-top", f'{{"a":{{"river_encrypt":"{token}"}}}}'),
        ("another-case", '{"River_Encrypt":"text"}'),
        ("token-alone", f'"{token}"'),
        ("marker-as-a-value", '{"a":"river_encrypt"}'),
    ]:
        yield entry(name, stored)


def refused():
    yield from refused_envelopes()
    yield from refused_tokens()
    for cipher in CIPHERS:
        yield from refused_places(cipher)
        yield from refused_moves(cipher)
    yield from refused_legacy_text()
    yield from refused_fields()
    yield from refused_padding()


def refused_envelopes():
    token = invoice("secretbox")
    for name, stored in [
        ("marker-twice", f'{{"river_encrypt":"{token}","river_encrypt":"{token}"}}'),
        ("marker-twice-first-null", f'{{"river_encrypt":null,"river_encrypt":"{token}"}}'),
        ("marker-twice-escaped", f'{{"river_encrypt":"{token}","river\\u005fencrypt":"{token}"}}'),
        ("sibling-behind", f'{{"river_encrypt":"{token}","iban":"DE89"}}'),
        ("sibling-before", f'{{"iban":"DE89","river_encrypt":"{token}"}}'),
        ("value-null", '{"river_encrypt":null}'),
        ("value-true", '{"river_encrypt":true}'),
        ("value-number", '{"river_encrypt":1}'),
        ("value-array", f'{{"river_encrypt":["{token}"]}}'),
        ("value-object", f'{{"river_encrypt":{{"river_encrypt":"{token}"}}}}'),
        ("value-empty", '{"river_encrypt":""}'),
        ("value-no-token", '{"river_encrypt":"what the app wrote"}'),
        ("value-no-token-escaped-marker", '{"river\\u005fencrypt":"what the app wrote"}'),
        ("not-json-cut", f'{{"river_encrypt":"{token}"'),
        ("not-json-comma", f'{{"river_encrypt":"{token}",}}'),
        ("not-json-behind", f'{{"river_encrypt":"{token}"}}]'),
        ("another-marker", f'{{"sealed":"{token}"}}'),
        ("another-marker-in-case", f'{{"River_Encrypt": "{token}"}}'),
        ("not-json-two", f'{{"river_encrypt":"{token}"}}{{"river_encrypt":"{token}"}}'),
    ]:
        yield entry(name, stored, error="malformed")


def refused_tokens():
    token = invoice("secretbox")
    form, cipher, id_text, body = token.split(".")
    # 24 + 16 + 33 + 33 + 3 bytes: a last group of one byte, so four spare bits.
    spare = body[:-1] + chr(ord(body[-1]) + 1)
    id_spare = id_text[:-1] + chr(ord(id_text[-1]) + 1)
    for name, text in [
        ("space-before", " " + token),
        ("space-behind", token + " "),
        ("line-break-behind", token + "\n"),
        ("upper-case-form", "JC1" + token[3:]),
        ("no-version", "jc." + token[4:]),
        ("no-dots", "jc1"),
        ("three-parts", f"{form}.{cipher}.{id_text}"),
        ("five-parts", token + ".AAAA"),
        ("cipher-empty", f"{form}..{id_text}.{body}"),
        ("cipher-upper-case", f"{form}.Secretbox.{id_text}.{body}"),
        ("cipher-underscore", f"{form}.secret_box.{id_text}.{body}"),
        ("cipher-33-characters", f"{form}.{'a' * 33}.{id_text}.{body}"),
        ("key-id-empty", f"{form}.{cipher}..{body}"),
        ("key-id-short", f"{form}.{cipher}.{id_text[:-1]}.{body}"),
        ("key-id-long", f"{form}.{cipher}.{id_text}A.{body}"),
        ("key-id-padded", f"{form}.{cipher}.{id_text}==.{body}"),
        ("key-id-spare-bits", f"{form}.{cipher}.{id_spare}.{body}"),
        ("key-id-plus", f"{form}.{cipher}.+{id_text[1:]}.{body}"),
        ("key-id-hex", f"{form}.{cipher}.{KEYS['secretbox'].id.hex()}.{body}"),
        ("body-spare-bits", f"{form}.{cipher}.{id_text}.{spare}"),
        ("body-padded", f"{token}=="),
        ("body-one-character-left", f"{form}.{cipher}.{id_text}.{body[:-1]}"),
        ("body-slash", f"{form}.{cipher}.{id_text}./{body[1:]}"),
        ("body-line-break", f"{form}.{cipher}.{id_text}.{body[:8]}\n{body[8:]}"),
        ("body-space", f"{form}.{cipher}.{id_text}.{body[:8]} {body[8:]}"),
        ("body-nul", f"{form}.{cipher}.{id_text}.{body}\0"),
        ("body-unicode", f"{form}.{cipher}.{id_text}.{body}é"),
    ]:
        yield entry(name, under_marker(text), error="malformed")
    for name, text in [
        ("jc0", "jc0" + token[3:]),
        ("jc2", "jc2" + token[3:]),
        ("jc10", "jc10" + token[3:]),
        ("jc2-of-another-shape", "jc2.what:later/releases=write"),
        ("option-unknown", f"{form}.{cipher}+zstd.{id_text}.{body}"),
        ("option-unknown-before-key-id", f"{form}.{cipher}+zstd.short.{body}"),
        ("two-options", f"{form}.{cipher}+pad+pad.{id_text}.{body}"),
        ("option-empty", f"{form}.{cipher}+.{id_text}.{body}"),
    ]:
        yield entry(name, under_marker(text), error="unsupported_version")
        yield entry(
            f"{name}-with-legacy", under_marker(text), legacy=["River"], error="unsupported_version"
        )
    yield entry(
        "unknown-cipher", under_marker(f"{form}.x-rot13.{id_text}.{body}"), error="no_matching_key"
    )
    yield entry(
        "key-of-another-cipher",
        under_marker(f"{form}.fernet.{id_text}.{body}"),
        error="no_matching_key",
    )
    yield entry(
        "no-key-before-the-body",
        under_marker(f"{form}.{cipher}.{'A' * 22}.{spare}"),
        error="no_matching_key",
    )


def refused_places(cipher):
    token = invoice(cipher)
    stored = under_marker(token)
    form, _, id_text, body = token.split(".")
    raw = jobcrypt_format.from_base64url(body)

    def with_body(raw):
        return under_marker(f"{form}.{cipher}.{id_text}.{to_base64url(raw)}")

    for name, context in [
        ("another-kind", Context("send_letter", "prod")),
        ("another-namespace", Context("send_invoice", "staging")),
        ("no-namespace", Context("send_invoice")),
        ("another-purpose", Context("send_invoice", "prod", "output")),
        ("another-detail", Context("send_invoice", "prod", "args", "iban")),
        ("moved-parts", Context("send_invoicep", "rod")),
    ]:
        yield entry(f"{cipher}-{name}", stored, context=context, error="authentication_failed")
    for name, changed in [
        ("body-empty", b""),
        ("body-one-byte", raw[:1]),
        ("body-too-short", raw[:39]),
        ("body-cut", raw[:-1]),
        ("body-longer", raw + b"\0"),
        ("first-bit", bytes([raw[0] ^ 0x80]) + raw[1:]),
        ("last-bit", raw[:-1] + bytes([raw[-1] ^ 1])),
    ]:
        yield entry(f"{cipher}-{name}", with_body(changed), error="authentication_failed")
    others = [f"{cipher}-other"]
    yield entry(f"{cipher}-another-key", stored, keys=others, error="no_matching_key")
    other_id = to_base64url(KEYS[f"{cipher}-other"].id)
    yield entry(
        f"{cipher}-another-key-id",
        under_marker(f"{form}.{cipher}.{other_id}.{body}"),
        keys=[cipher, *others],
        error="authentication_failed",
    )


def refused_moves(cipher):
    """Bodies of tokens in the clothes of legacy forms, and the other way round."""
    key = KEYS[cipher]
    raw = jobcrypt_format.from_base64url(invoice(cipher).split(".")[3])
    standard = base64.b64encode(raw).decode()
    padded = base64.urlsafe_b64encode(raw).decode()
    error = "no_matching_key" if cipher == "xchacha20poly1305" else "authentication_failed"
    yield entry(f"{cipher}-body-as-River", under_marker(standard), legacy=["River"], error=error)
    box_error = error if cipher == "secretbox" else "no_matching_key"
    yield entry(
        f"{cipher}-body-as-PlainBox", json.dumps(standard), legacy=["PlainBox"], error=box_error
    )
    fernet_error = error if cipher == "fernet" else "no_matching_key"
    yield entry(
        f"{cipher}-body-as-PlainFernet",
        json.dumps(padded),
        legacy=["PlainFernet"],
        error=fernet_error,
    )
    stored = seal_legacy("River", key, INVOICE_ARGS.encode(), fixed(cipher, 0x60)).decode()
    yield entry(f"{cipher}-River-not-asked-for", stored, error="malformed")
    body = to_base64url(base64.b64decode(json.loads(stored)["river_encrypt"]))
    for name, context in [("", INVOICE), ("-of-an-empty-context", Context(""))]:
        yield entry(
            f"{cipher}-River-body-as-jc1{name}",
            under_marker(f"jc1.{cipher}.{to_base64url(key.id)}.{body}"),
            context=context,
            error="authentication_failed",
        )
    yield entry(
        f"{cipher}-River-of-another-key",
        stored,
        keys=[f"{cipher}-other"],
        legacy=["River"],
        error="no_matching_key",
    )


def refused_legacy_text():
    box = json.loads(seal_legacy("PlainBox", KEYS["secretbox"], b"{}", fixed("secretbox", 0x60)))
    fernet = json.loads(seal_legacy("PlainFernet", KEYS["fernet"], b'{"a":1}', fixed("fernet", 0x60)))
    # 24 + 16 + 4 bytes: a last group of two, so two spare bits and one sign of padding.
    long_box = json.loads(
        seal_legacy("PlainBox", KEYS["secretbox"], b"[]  ", fixed("secretbox", 0x61))
    )
    assert long_box.endswith("=") and not long_box.endswith("==")
    for name, form, text in [
        ("River-unpadded", "River", long_box.rstrip("=")),
        ("River-spare-bits", "River", long_box[:-2] + chr(ord(long_box[-2]) + 1) + "="),
        ("River-line-break", "River", box[:8] + "\n" + box[8:]),
        ("River-base64url", "River", box.replace(box[0], "_", 1)),
        ("PlainBox-unpadded", "PlainBox", long_box.rstrip("=")),
        ("PlainBox-spare-bits", "PlainBox", long_box[:-2] + chr(ord(long_box[-2]) + 1) + "="),
        ("PlainBox-space", "PlainBox", box + " "),
        ("PlainBox-token", "PlainBox", invoice("secretbox")),
        ("PlainFernet-line-break", "PlainFernet", fernet[:20] + "\n" + fernet[20:]),
        ("PlainFernet-line-break-behind", "PlainFernet", fernet + "\n"),
        ("PlainFernet-space", "PlainFernet", " " + fernet),
        ("PlainFernet-standard-base64", "PlainFernet", "+" + fernet[1:]),
        ("PlainFernet-more-padding", "PlainFernet", fernet + "="),
        ("PlainFernet-junk", "PlainFernet", fernet[:20] + "!" + fernet[20:]),
        ("PlainFernet-token", "PlainFernet", invoice("fernet")),
        ("PlainFernet-text", "PlainFernet", "what the app wrote"),
    ]:
        stored = under_marker(text) if form == "River" else json.dumps(text)
        yield entry(name, stored, legacy=[form], error="malformed")
    yield entry(
        "PlainFernet-cut",
        json.dumps(base64.urlsafe_b64encode(base64.urlsafe_b64decode(fernet)[:-1]).decode()),
        legacy=["PlainFernet"],
        error="no_matching_key",
    )


def vectors():
    return {
        "about": "The stored format of jobcrypt, version 1: docs/format.md. Entries are only ever added.",
        "keys": {
            name: {"cipher": key.cipher, "key": key.key.hex(), "key_id": to_base64url(key.id)}
            for name, key in KEYS.items()
        },
        "tokens": list(tokens()),
        "padded": list(padded()),
        "fields": list(fields()),
        "legacy": list(legacy()),
        "spellings": list(spellings()),
        "plaintext": list(plaintext()),
        "refused": list(refused()),
    }


# What was reserved when it was frozen, and refused as a later version: now it is read.
NO_LONGER_RESERVED = {
    ("refused", name + suffix)
    for name in ("jc1f", "option-pad", "option-before-key-id")
    for suffix in ("", "-with-legacy")
}


def by_name(vectors):
    named = {("keys", name): key for name, key in vectors["keys"].items()}
    for section in ("tokens", "padded", "fields", "legacy", "spellings", "plaintext", "refused"):
        for listed in vectors.get(section, []):
            place = (section, listed["name"])
            if place in named:
                raise SystemExit(f"{section}: {listed['name']} stands twice")
            named[place] = listed
    return named


def main(path):
    made = vectors()
    named = by_name(made)
    if os.path.exists(path):
        with open(path, encoding="utf-8") as file:
            frozen = by_name(json.load(file))
        for place, listed in frozen.items():
            if named.get(place) != listed and place not in NO_LONGER_RESERVED:
                raise SystemExit(f"{' '.join(place)} would change; vectors are only ever added")
    with open(path, "w", encoding="utf-8") as file:
        json.dump(made, file, indent=2, ensure_ascii=False)
        file.write("\n")


if __name__ == "__main__":
    main(sys.argv[1])
