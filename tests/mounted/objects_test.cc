// What is more than bytes: programs, pipes, sockets, locks, devices, processes.
#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <array>
#include <atomic>
#include <cstring>
#include <thread>
#include <vector>

#include "mounted/place.h"

namespace fusebox::mounted {
namespace {

using Objects = Place;

void write_script(const std::string& path, const std::string& text) {
  write_text(path, text);
  ASSERT_EQ(chmod(path.c_str(), 0755), 0);
}

int execute(const std::string& path) {
  return in_child([&] {
    execl(path.c_str(), path.c_str(), nullptr);
    return 200 + errno % 50;
  });
}

TEST_F(Objects, AFreshProgramRuns) {
  std::filesystem::copy_file("/bin/true", "program");
  EXPECT_EQ(execute("./program"), 0);
  write_script("script", "#!/bin/sh\nexit 5\n");
  EXPECT_EQ(execute("./script"), 5);
  write_script("script", "#!/bin/sh\nexit 6\n");
  EXPECT_EQ(execute("./script"), 6);
  write_text("plain", "#!/bin/sh\n");
  EXPECT_EQ(execute("./plain"), 200 + EACCES);
}

TEST_F(Objects, AProgramThatIsBeingWrittenDoesNotRunAndTheReverse) {
  std::filesystem::copy_file("/bin/sleep", "program");
  {
    const Fd writer = open_file("program", O_WRONLY);
    EXPECT_EQ(execute("./program"), 200 + ETXTBSY);
  }
  const pid_t child = fork();
  if (child == 0) {
    execl("./program", "program", "5", nullptr);
    _exit(1);
  }
  usleep(200'000);
  EXPECT_EQ(error_of(open("program", O_WRONLY)), ETXTBSY);
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
  EXPECT_TRUE(open_file("program", O_WRONLY));
}

TEST_F(Objects, APipeConnectsTwoProcesses) {
  ASSERT_EQ(mkfifo("pipe", 0600), 0);
  const pid_t child = fork();
  if (child == 0) {
    const Fd end = open_file("pipe", O_WRONLY);
    _exit(write(end.get(), "through", 7) == 7 ? 0 : 1);
  }
  EXPECT_EQ(text_of("pipe"), "through");
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(error_of(open("pipe", O_WRONLY | O_NONBLOCK)), ENXIO);
}

TEST_F(Objects, ABlockedOpenOfAPipeHoldsNobodyUp) {
  ASSERT_EQ(mkfifo("pipe", 0600), 0);
  std::vector<pid_t> blocked;
  for (int i = 0; i < 32; ++i) {
    const pid_t child = fork();
    if (child == 0) {
      open("pipe", O_RDONLY);
      _exit(0);
    }
    blocked.push_back(child);
  }
  usleep(100'000);
  write_text("f", "x");
  EXPECT_EQ(text_of("f"), "x");
  EXPECT_EQ(unlink("pipe"), 0);
  for (const pid_t child : blocked) {
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
  }
}

TEST_F(Objects, ASocketCanBeBoundAndConnectedTo) {
  sockaddr_un address{.sun_family = AF_UNIX, .sun_path = "socket"};
  const Fd server(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  ASSERT_EQ(bind(server.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0) << errno;
  ASSERT_EQ(listen(server.get(), 5), 0);
  EXPECT_TRUE(S_ISSOCK(status_of("socket").st_mode));
  const pid_t child = fork();
  if (child == 0) {
    const Fd client(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (connect(client.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) _exit(errno);
    _exit(write(client.get(), "hello", 5) == 5 ? 0 : 1);
  }
  int status = 0;
  waitpid(child, &status, 0);
  ASSERT_EQ(WEXITSTATUS(status), 0);
  const Fd connection(accept(server.get(), nullptr, nullptr));
  std::array<char, 5> text{};
  EXPECT_EQ(read(connection.get(), text.data(), 5), 5);
  EXPECT_EQ(error_of(open("socket", O_RDWR)), ENXIO);
  EXPECT_EQ(
      error_of(bind(Fd(socket(AF_UNIX, SOCK_STREAM, 0)).get(), reinterpret_cast<sockaddr*>(&address), sizeof address)),
      EADDRINUSE);
}

TEST_F(Objects, ASocketHasOneObjectForAllItsNames) {
  sockaddr_un address{.sun_family = AF_UNIX, .sun_path = "socket"};
  const Fd server(socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ASSERT_EQ(bind(server.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  ASSERT_EQ(link("socket", "other"), 0);
  std::strcpy(address.sun_path, "other");
  EXPECT_EQ(sendto(Fd(socket(AF_UNIX, SOCK_DGRAM, 0)).get(), "x", 1, 0, reinterpret_cast<sockaddr*>(&address),
                   sizeof address),
            1)
      << errno;
}

TEST_F(Objects, LocksExcludeOtherProcesses) {
  write_text("f", "x");
  const Fd file = open_file("f", O_RDWR);
  ASSERT_EQ(flock(file.get(), LOCK_EX), 0);
  EXPECT_EQ(in_child([] { return error_of(flock(open("f", O_RDWR), LOCK_EX | LOCK_NB)); }), EWOULDBLOCK);
  ASSERT_EQ(flock(file.get(), LOCK_UN), 0);
  EXPECT_EQ(in_child([] { return error_of(flock(open("f", O_RDWR), LOCK_EX | LOCK_NB)); }), 0);

  struct flock range{.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 10, .l_len = 5, .l_pid = 0};
  ASSERT_EQ(fcntl(file.get(), F_SETLK, &range), 0);
  EXPECT_EQ(in_child([] {
              struct flock overlapping{.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 12, .l_len = 1, .l_pid = 0};
              return error_of(fcntl(open("f", O_RDWR), F_SETLK, &overlapping));
            }),
            EAGAIN);
  EXPECT_EQ(in_child([] {
              struct flock beside{.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 15, .l_len = 1, .l_pid = 0};
              return error_of(fcntl(open("f", O_RDWR), F_SETLK, &beside));
            }),
            0);
}

TEST_F(Objects, AWaitForALockCanBeInterrupted) {
  write_text("f", "x");
  const Fd file = open_file("f", O_RDWR);
  ASSERT_EQ(flock(file.get(), LOCK_EX), 0);
  const pid_t child = fork();
  if (child == 0) {
    flock(open("f", O_RDWR), LOCK_EX);
    _exit(0);
  }
  usleep(200'000);
  kill(child, SIGTERM);
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_EQ(WTERMSIG(status), SIGTERM);
}

TEST_F(Objects, TheUsualDevicesWork) {
  EXPECT_EQ(write(open_file("/dev/null", O_WRONLY).get(), "x", 1), 1);
  char byte = 1;
  EXPECT_EQ(read(open_file("/dev/zero", O_RDONLY).get(), &byte, 1), 1);
  EXPECT_EQ(byte, 0);
  EXPECT_EQ(error_of(write(open_file("/dev/full", O_WRONLY).get(), "x", 1)), ENOSPC);
  EXPECT_EQ(read(open_file("/dev/urandom", O_RDONLY).get(), &byte, 1), 1);
  const Fd terminal = open_file("/dev/ptmx", O_RDWR | O_NOCTTY);
  ASSERT_TRUE(terminal) << errno;
  EXPECT_EQ(unlockpt(terminal.get()), 0);
  const char* name = ptsname(terminal.get());
  ASSERT_NE(name, nullptr);
  EXPECT_TRUE(open_file(name, O_RDWR | O_NOCTTY)) << name;
  const Fd tty = open_file("/dev/tty", O_RDWR);
  if (!tty) {
    EXPECT_EQ(errno, ENXIO);  // no terminal at all is what ctest gives
  }
}

TEST_F(Objects, ProcIsOnesOwn) {
  std::array<char, 32> text{};
  const ssize_t length = readlink("/proc/self", text.data(), text.size());
  ASSERT_GT(length, 0);
  EXPECT_EQ(std::string(text.data(), static_cast<std::size_t>(length)), std::to_string(getpid()));
  EXPECT_NE(text_of("/proc/self/status").find("Name:"), std::string::npos);
}

TEST_F(Objects, ManyProcessesAtOnceMakeAndRemoveTheirFiles) {
  std::vector<pid_t> children;
  for (int process = 0; process < 40; ++process) {
    const pid_t child = fork();
    if (child == 0) {
      const std::string own = "d" + std::to_string(process);
      for (int round = 0; round < 20; ++round) {
        if (mkdir(own.c_str(), 0755) != 0) _exit(1);
        write_text(own + "/f", own);
        if (text_of(own + "/f") != own) _exit(2);
        if (rename((own + "/f").c_str(), (own + "/g").c_str()) != 0) _exit(3);
        if (unlink((own + "/g").c_str()) != 0 || rmdir(own.c_str()) != 0) _exit(4);
      }
      _exit(0);
    }
    children.push_back(child);
  }
  for (const pid_t child : children) {
    int status = 0;
    waitpid(child, &status, 0);
    EXPECT_EQ(status, 0);
  }
  EXPECT_TRUE(std::filesystem::is_empty("."));
}

TEST_F(Objects, ThreadsThatMakeTheSameFileAgreeWhoDid) {
  for (int round = 0; round < 50; ++round) {
    const std::string name = "f" + std::to_string(round);
    std::atomic<int> made{0};
    std::vector<std::thread> threads;
    for (int thread = 0; thread < 4; ++thread) {
      threads.emplace_back([&] {
        const Fd file = open_file(name, O_CREAT | O_EXCL | O_WRONLY);
        if (file) ++made;
      });
    }
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(made, 1);
  }
}

TEST_F(Objects, ForkAndExecuteAThousandTimes) {
  for (int round = 0; round < 1000; ++round) {
    ASSERT_EQ(in_child([] {
                execl("/bin/true", "true", nullptr);
                return 1;
              }),
              0);
  }
}

}  // namespace
}  // namespace fusebox::mounted
