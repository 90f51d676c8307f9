"""The credential vault of the post that jobcrypt's began with, as it is written there, and a way to call it."""

import json
import os
import sys

from cryptography.fernet import Fernet


def create_vault(credentials: dict, key: bytes, path: str) -> bytes:
    fernet = Fernet(key)
    json_data = json.dumps(credentials, indent=2).encode()
    encrypted_data = fernet.encrypt(json_data)
    with open(path, "wb") as vault:
        vault.write(encrypted_data)
    return encrypted_data


class CredentialManager:
    def __init__(self, vault_path: str, key: bytes):
        self.fernet = Fernet(key)
        self.vault_path = vault_path
        self._credentials = None

    def load_vault(self) -> dict:
        with open(self.vault_path, "rb") as f:
            encrypted_data = f.read()
        try:
            decrypted_data = self.fernet.decrypt(encrypted_data)
            self._credentials = json.loads(decrypted_data)
        except Exception as e:
            print(f"Failed to decrypt vault: {e}", file=sys.stderr)
            sys.exit(1)
        return self._credentials

    def get_credential(self, path: str) -> str:
        if not self._credentials:
            self.load_vault()
        parts = path.split(".")
        current = self._credentials
        for part in parts:
            if isinstance(current, dict) and part in current:
                current = current[part]
            else:
                raise KeyError(f"Credential path '{path}' not found")
        return current

    def inject_env(self, prefix: str = "SECRET_"):
        if not self._credentials:
            self.load_vault()

        def _flatten(obj, parent_key=""):
            items = []
            for k, v in obj.items():
                new_key = f"{parent_key}_{k}".upper() if parent_key else k.upper()
                if isinstance(v, dict):
                    items.extend(_flatten(v, new_key).items())
                else:
                    items.append((f"{prefix}{new_key}", str(v)))
            return dict(items)

        env_vars = _flatten(self._credentials)
        os.environ.update(env_vars)
        return env_vars


def rotate_key(old_key: bytes, new_key: bytes, vault_path: str):
    old_fernet = Fernet(old_key)
    new_fernet = Fernet(new_key)
    with open(vault_path, "rb") as f:
        data = old_fernet.decrypt(f.read())
    new_encrypted = new_fernet.encrypt(data)
    with open(vault_path, "wb") as f:
        f.write(new_encrypted)


CREDENTIALS = {
    "database": {
        "host": "db.example.com",
        "port": 5432,
        "username": "app_user",
        "password": "s3cret!P@ss",
    },
    "api_keys": {"stripe": "sk_live_xxxxx", "aws": "AKIAIOSFODNN7EXAMPLE"},
    "ssh": {"private_key": "-----BEGIN RSA PRIVATE KEY-----\nMIIEpA..."},
}

if __name__ == "__main__":
    sys.stdout.reconfigure(encoding="utf-8")
    action, path, key, *rest = sys.argv[1:]
    if action == "create":
        create_vault(CREDENTIALS, key.encode(), path)
    elif action == "get":
        print(CredentialManager(path, key.encode()).get_credential(rest[0]))
    elif action == "inject":
        for name, value in CredentialManager(path, key.encode()).inject_env(rest[0]).items():
            print(f"{name}={value}")
    elif action == "rotate":
        rotate_key(key.encode(), rest[0].encode(), path)
    else:
        sys.exit(f"no action {action}")
