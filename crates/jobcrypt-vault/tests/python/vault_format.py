"""A reader and writer of vaults under a Fernet key, written from docs/vault-format.md and docs/format.md alone."""

import base64
import hashlib
import hmac
import os
import sys

from cryptography.fernet import Fernet, InvalidToken


class Refused(Exception):
    pass


def encode(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decode(text):
    data = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if encode(data) != text:
        raise Refused("not canonical base64url")
    return data


class Vault:
    def __init__(self, key):
        self.fernet = Fernet(key)
        raw = base64.urlsafe_b64decode(key)
        digest = hashlib.sha256(b"jobcrypt/key-id/v1\0fernet\0" + raw).digest()
        self.prefix = f"jc1.fernet.{encode(digest[:16])}."

    def context(self, path):
        parts = ["jc1", "vault", "", encode(self.id), path]
        encoded = [part.encode() for part in parts]
        return b"".join(len(part).to_bytes(2, "big") + part for part in encoded)

    def seal(self, path, plaintext):
        context = self.context(path)
        framed = plaintext + context + len(context).to_bytes(2, "big") + b"\0"
        token = self.fernet.encrypt(framed)
        return self.prefix + encode(base64.urlsafe_b64decode(token))

    def open(self, path, token):
        if not token.startswith(self.prefix):
            raise Refused("not under this key")
        body = decode(token[len(self.prefix):])
        framed = self.fernet.decrypt(base64.urlsafe_b64encode(body))
        context = self.context(path)
        end = context + len(context).to_bytes(2, "big") + b"\0"
        if not framed.endswith(end):
            raise Refused("it belongs elsewhere")
        return framed[: -len(end)]

    def mac(self):
        entries = sorted(self.entries.items(), key=lambda entry: entry[0].encode())
        parts = [b"jobcrypt/vault/v1", self.id, self.key_token.encode(), len(entries).to_bytes(8, "big")]
        for path, token in entries:
            parts += [path.encode(), token.encode()]
        message = b"".join(len(part).to_bytes(8, "big") + part for part in parts)
        return hmac.new(self.mac_key, message, hashlib.sha256).digest()

    def make(self):
        self.id = os.urandom(16)
        self.mac_key = os.urandom(32)
        self.key_token = self.seal("", self.mac_key)
        self.entries = {}

    def read(self, path):
        with open(path, encoding="utf-8", newline="") as file:
            lines = file.read().split("\n")
        if lines.pop() != "" or lines[0] != "jobcrypt-vault 1":
            raise Refused("not a vault")
        heads = [line.split(" = ", 1) for line in lines[1:4]]
        if [name for name, _ in heads] != ["id", "key", "mac"]:
            raise Refused("not a vault")
        self.id, self.key_token, mac = decode(heads[0][1]), heads[1][1], decode(heads[2][1])
        self.mac_key = self.open("", self.key_token)
        if lines[4:5] not in ([], [""]):
            raise Refused("no empty line")
        self.entries = dict(line.rsplit(" = ", 1) for line in lines[5:])
        if len(self.entries) != len(lines[5:]) or not hmac.compare_digest(mac, self.mac()):
            raise Refused("its MAC does not fit")

    def write(self, path):
        lines = ["jobcrypt-vault 1", f"id = {encode(self.id)}", f"key = {self.key_token}", f"mac = {encode(self.mac())}"]
        entries = sorted(self.entries.items(), key=lambda entry: entry[0].encode())
        if entries:
            lines += [""] + [f"{path} = {token}" for path, token in entries]
        with open(path, "w", encoding="utf-8", newline="") as file:
            file.write("\n".join(lines) + "\n")


def main(action, path, key, *rest):
    vault = Vault(key)
    if action == "make":
        vault.make()
        vault.write(path)
        return
    vault.read(path)
    if action == "read":
        for name, token in vault.entries.items():
            print(f"{name}\t{vault.open(name, token).decode()}")
    elif action == "set":
        vault.entries[rest[0]] = vault.seal(rest[0], rest[1].encode())
        vault.write(path)


if __name__ == "__main__":
    sys.stdout.reconfigure(encoding="utf-8")
    try:
        main(*sys.argv[1:])
    except (Refused, InvalidToken) as refusal:
        print(f"refused: {refusal}")
