// What a program says to a call: the kernel's part, for the instructions that libseccomp writes.
#pragma once

#include <gtest/gtest.h>
#include <linux/seccomp.h>

#include <array>
#include <cstring>
#include <optional>
#include <string>

#include "seccomp/filter.h"
#include "seccomp/words.h"

namespace fusebox::seccomp {

using Arguments = std::array<std::uint64_t, kArguments>;

inline std::uint32_t run_program(const Program& program, const seccomp_data& data) {
  std::uint32_t accumulator = 0;
  for (std::size_t at = 0; at < program.size(); ++at) {
    const sock_filter& step = program[at];
    const auto jump = [&](bool taken) { at += taken ? step.jt : step.jf; };
    switch (step.code) {
      case BPF_LD | BPF_W | BPF_ABS:
        std::memcpy(&accumulator, reinterpret_cast<const char*>(&data) + step.k, sizeof accumulator);
        break;
      case BPF_ALU | BPF_AND | BPF_K:
        accumulator &= step.k;
        break;
      case BPF_JMP | BPF_JA:
        at += step.k;
        break;
      case BPF_JMP | BPF_JEQ | BPF_K:
        jump(accumulator == step.k);
        break;
      case BPF_JMP | BPF_JGT | BPF_K:
        jump(accumulator > step.k);
        break;
      case BPF_JMP | BPF_JGE | BPF_K:
        jump(accumulator >= step.k);
        break;
      case BPF_RET | BPF_K:
        return step.k;
      default:
        ADD_FAILURE() << "instruction " << step.code;
        return 0;
    }
  }
  ADD_FAILURE() << "runs off its end";
  return 0;
}

// In words: "allow", "errno 1 (Operation not permitted)".
inline std::string verdict_on(const Program& program, const std::string& call, const Arguments& arguments = {},
                              std::uint32_t architecture = seccomp_arch_native()) {
  seccomp_data data{};
  data.nr = seccomp_syscall_resolve_name_arch(architecture, call.c_str());
  data.arch = architecture == SCMP_ARCH_X32 ? SCMP_ARCH_X86_64 : architecture;
  std::copy(arguments.begin(), arguments.end(), data.args);
  const auto action = action_of(run_program(program, data));
  return action ? text_of(*action) : "?";
}

inline Program program_of(const Profile& profile) {
  const auto context = build(profile);
  EXPECT_TRUE(context.has_value()) << (context ? "" : context.error().line());
  if (!context) return {};
  const auto program = compile(*context);
  EXPECT_TRUE(program.has_value()) << (program ? "" : program.error().line());
  return program.value_or(Program{});
}

}  // namespace fusebox::seccomp
