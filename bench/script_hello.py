"""examples/hello.cc with Debian's fusepy: every name greets you.  script_hello.py MOUNTPOINT [nothreads] [default_permissions]"""

import stat
import sys

import fusepy as fuse


class Greeting(fuse.Operations):
    def getattr(self, path, handle=None):
        if path == "/":
            return {"st_mode": stat.S_IFDIR | 0o755, "st_nlink": 2}
        return {"st_mode": stat.S_IFREG | 0o444, "st_nlink": 1, "st_size": len(self.text(path))}

    def read(self, path, size, offset, handle):
        return self.text(path)[offset:offset + size]

    @staticmethod
    def text(path):
        return f"Hello, {path[1:]}!\n".encode()


if __name__ == "__main__":
    options = {"default_permissions": True} if "default_permissions" in sys.argv else {}
    fuse.FUSE(Greeting(), sys.argv[1], foreground=True, nothreads="nothreads" in sys.argv, attr_timeout=0, entry_timeout=86400,
              **options)
