"""What `cmake --install` leaves behind is enough for a stranger's project."""

import os
import pathlib
import re
import shutil
import subprocess

import boxed

SOURCE = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(boxed.BINARY).resolve().parent
COMPILER = "clang++-19"
PROJECT = """\
cmake_minimum_required(VERSION 3.25)
project(stranger LANGUAGES CXX)
find_package(fusebox 0.1 REQUIRED)
foreach(kind fusebox static)
  add_executable(hello_${kind} hello.cc)
  target_link_libraries(hello_${kind} PRIVATE fusebox::${kind})
endforeach()
"""


class Install(boxed.Case):
    def setUp(self):
        super().setUp()
        if boxed.sanitized():
            self.skipTest("a sanitized library is for nobody else")
        self.prefix = self.top / "prefix"
        self.must("cmake", "--install", BUILD, "--prefix", self.prefix)
        self.libraries = next(self.prefix.glob("lib*/**/libfusebox.so")).parent
        self.environment["PKG_CONFIG_PATH"] = str(self.libraries / "pkgconfig")
        self.point = self.top / "point"
        self.point.mkdir()
        shutil.copy(SOURCE / "examples/hello.cc", self.dir)

    def must(self, *command, **more):
        done = self.run_outside(*command, timeout=300, **more)
        self.assertEqual(done.returncode, 0, f"{command}\n{done.stdout}{done.stderr}")
        return done.stdout

    def assertGreets(self, program):
        process = subprocess.Popen([program, self.point], env={**self.environment, "LD_LIBRARY_PATH": str(self.libraries)})
        self.addCleanup(self._end, process)
        self.addCleanup(subprocess.run, ["umount", "-l", self.point], capture_output=True)
        self.assertIsNotNone(boxed.wait_until(lambda: os.path.ismount(self.point), 10))
        self.assertEqual((self.point / "ada").read_text(), "Hello, ada!\n")
        self.assertEqual(subprocess.run(["umount", self.point]).returncode, 0)
        self.assertEqual(process.wait(10), 0)

    def needed(self, path):
        return set(re.findall(r"NEEDED.*\[(.+)\]", self.must("readelf", "-d", path)))

    @boxed.needs(COMPILER, "cmake", "ninja")
    def test_a_project_finds_the_package(self):
        self.write("work/CMakeLists.txt", PROJECT)
        self.must("cmake", "-G", "Ninja", "-B", "build", f"-DCMAKE_CXX_COMPILER={COMPILER}", f"-DCMAKE_PREFIX_PATH={self.prefix}")
        self.must("cmake", "--build", "build", "-j2")
        self.assertIn("libfusebox.so.0", self.needed(self.dir / "build/hello_fusebox"))
        self.assertNotIn("libfusebox.so.0", self.needed(self.dir / "build/hello_static"))
        for kind in ("fusebox", "static"):
            with self.subTest(kind):
                self.assertGreets(self.dir / f"build/hello_{kind}")

    @boxed.needs(COMPILER, "pkg-config")
    def test_one_command_is_enough(self):
        line = f"{COMPILER} -std=c++23 hello.cc -o hello $(pkg-config --cflags --libs %s fusebox) %s"
        for how, more in (("", ""), ("--static", "-static")):
            with self.subTest(how or "shared"):
                self.must("sh", "-c", line % (how, more))
                self.assertGreets(self.dir / "hello")

    def test_the_shared_library_exports_the_public_api_alone_and_needs_little(self):
        library = self.libraries / "libfusebox.so"
        version = re.search(r"project\(fusebox VERSION ([\d.]+)", (SOURCE / "CMakeLists.txt").read_text())[1]
        self.assertEqual(library.resolve().name, f"libfusebox.so.{version}")
        self.assertIn("[libfusebox.so.0]", self.must("readelf", "-d", library))
        self.assertEqual(self.must("pkg-config", "--modversion", "fusebox").strip(), version)
        exported = self.must("nm", "-DC", "--defined-only", library)
        self.assertIn(" T fusebox::serve(", exported)
        self.assertEqual(re.findall(r".*fusebox::(?:wire|door|dispatch|tree)::.*|.*CLI::.*|.*fmt::.*", exported), [])
        few = {"liburing.so.2", "libstdc++.so.6", "libm.so.6", "libgcc_s.so.1", "libc.so.6", "ld-linux-x86-64.so.2"}
        self.assertEqual(self.needed(library) - few, set())

    def test_every_public_header_is_there(self):
        headers = {path.name for path in (SOURCE / "include/fusebox").glob("*.h")}
        self.assertEqual({path.name for path in (self.prefix / "include/fusebox").iterdir()}, headers)


if __name__ == "__main__":
    boxed.main()
