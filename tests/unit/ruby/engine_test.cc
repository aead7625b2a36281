#include "ruby/engine.h"

#include <gtest/gtest.h>

#include <string>

#include "unit/ruby/evaluated.h"

namespace fusebox::ruby {
namespace {

TEST(Engine, AnExceptionIsALineWithThePlaceInTheScript) {
  const Ran<> ran = engine_with()->evaluate("def f\n  raise 'boo'\nend\n\nf\n", "x.rb");
  ASSERT_FALSE(ran);
  EXPECT_EQ(ran.error().line, "x.rb:2: boo (RuntimeError)");
}

TEST(Engine, AnExceptionFromOurOwnRubyCodeIsPlacedWhereTheScriptCalledIt) {
  const Ran<> ran = engine_with()->evaluate("\nENV.fetch('nowhere at all')\n", "x.rb");
  ASSERT_FALSE(ran);
  EXPECT_EQ(ran.error().line, "x.rb:2: key not found: \"nowhere at all\" (KeyError)");
}

TEST(Engine, ASyntaxErrorNamesLineAndColumnAndNothingRuns) {
  const auto engine = engine_with();
  const Ran<> ran = engine->evaluate("$x = 1\ndef f(\nend\n", "x.rb");
  ASSERT_FALSE(ran);
  EXPECT_TRUE(ran.error().syntax_error);
  EXPECT_TRUE(ran.error().line.starts_with("x.rb:3:3: syntax error")) << ran.error().line;
  EXPECT_EQ(result_of(*engine, "$x.inspect"), "nil");
}

TEST(Engine, ExitUnwindsAndSaysItsStatus) {
  const auto engine = engine_with();
  const Ran<> ran = engine->evaluate("begin; exit 7; ensure; $unwound = true; end", "x.rb");
  ASSERT_FALSE(ran);
  EXPECT_EQ(ran.error().exit_status, 7);
  EXPECT_EQ(result_of(*engine, "$unwound"), "true");
}

TEST(Engine, MemoryEndsAtTheLimitAndTheEngineGoesOn) {
  const auto engine = engine_with({.memory_limit = std::size_t{32} << 20});
  const Ran<> ran = engine->evaluate("a = []\nloop { a << 'x' * 100_000 }", "x.rb");
  ASSERT_FALSE(ran);
  EXPECT_TRUE(ran.error().line.ends_with("(NoMemoryError)")) << ran.error().line;
  EXPECT_LE(engine->memory().used(), std::size_t{36} << 20);
  EXPECT_EQ(result_of(*engine, "1 + 1"), "2");
}

TEST(Engine, EndlessRecursionIsAnExceptionToo) {
  const Ran<> ran = engine_with()->evaluate("def f; f; end\nf", "x.rb");
  ASSERT_FALSE(ran);
  EXPECT_TRUE(ran.error().line.ends_with("(SystemStackError)")) << ran.error().line;
}

TEST(Engine, AnExceptionThatCannotSayWhatItIsIsToldAllTheSame) {
  const Ran<> ran =
      engine_with()->evaluate("class E < StandardError; def message; raise self; end; end\nraise E", "x.rb");
  ASSERT_FALSE(ran);
  EXPECT_EQ(ran.error().line, "x.rb:2(an exception that cannot say what it is)");
}

TEST(Engine, ExceptionsOfCppComeThroughRubyFrames) {
  EXPECT_THROW(static_cast<void>(engine_with()->protect([](mrb_state*) { throw std::runtime_error("x"); })),
               std::runtime_error);
}

TEST(Engine, ArgumentsAndTheNameOfTheProgramAreThere) {
  const auto engine = engine_with({.program_name = "x.rb", .arguments = {"a", "b c"}});
  EXPECT_EQ(result_of(*engine, "[$0, *ARGV].inspect"), R"(["x.rb", "a", "b c"])");
}

TEST(Engine, WhatAFileDoesNotHaveIsSaid) {
  const Ran<> ran = engine_with()->load("/nonexistent/x.rb");
  ASSERT_FALSE(ran);
  EXPECT_EQ(ran.error().line, "read /nonexistent/x.rb: No such file or directory");
}

TEST(SystemErrors, AreClassesOfErrno) {
  EXPECT_EQ(result_of("Errno::EBUSY.new.errno"), "16");
  EXPECT_EQ(result_of("Errno.const_get(:EBUSY)::Errno"), "16");
  EXPECT_EQ(result_of("Errno::EIO.new('x').message"), "Input/output error - x");
  EXPECT_EQ(result_of("SystemCallError.new('x', 2).class"), "Errno::ENOENT");
  EXPECT_EQ(result_of("Errno::EWOULDBLOCK.equal?(Errno::EAGAIN) && Errno::ENOTSUP.equal?(Errno::EOPNOTSUPP)"), "true");
}

TEST(SystemErrors, AreWhatIORaises) {
  EXPECT_EQ(result_of("begin; File.open('/nonexistent'); rescue Errno::ENOENT => e; e.message; end"),
            "No such file or directory - open /nonexistent");
}

TEST(SystemErrors, HaveTheirNumberInWhatWasRaised) {
  const Ran<> ran = engine_with()->evaluate("raise Errno::ENOSPC", "x.rb");
  ASSERT_FALSE(ran);
  EXPECT_EQ(ran.error().error_number, ENOSPC);
  EXPECT_EQ(ran.error().line, "x.rb:1: No space left on device (Errno::ENOSPC)");
}

TEST(Environment, IsReadAndWrittenLikeAHash) {
  EXPECT_EQ(result_of("ENV['FUSEBOX_T'] = 'v'; [ENV['FUSEBOX_T'], ENV.key?('FUSEBOX_T'), ENV.delete('FUSEBOX_T'), "
                      "ENV['FUSEBOX_T'], ENV.fetch('FUSEBOX_T', 3)].inspect"),
            R"(["v", true, "v", nil, 3])");
  EXPECT_EQ(result_of("ENV.to_hash['PATH'] == ENV['PATH'] && ENV.keys.include?('PATH')"), "true");
}

TEST(Process, AChildRunsItsBlockAndIsWaitedFor) {
  EXPECT_EQ(result_of("pid = fork { exit 3 }; ended, status = Process.waitpid2(pid); "
                      "[ended == pid, status.exited?, status.exitstatus, $?.exitstatus, status.termsig].inspect"),
            "[true, true, 3, 3, nil]");
}

TEST(Process, ASignalThatEndedAChildIsTold) {
  EXPECT_EQ(result_of("pid = fork { sleep }; Process.kill(:SIGTERM, pid); Process.waitpid(pid); "
                      "[$?.signaled?, $?.termsig, $?.exitstatus].inspect"),
            "[true, 15, nil]");
}

TEST(Process, SystemSaysHowItWent) {
  EXPECT_EQ(result_of("[system('exit 0'), system('exit 4'), $?.exitstatus, system('/nonexistent', 'x')].inspect"),
            "[true, false, 4, nil]");
  EXPECT_EQ(result_of("system({ 'A' => 'b' }, 'test \"$A\" = b')"), "true");
}

TEST(Process, ExecReplacesTheProgram) {
  EXPECT_EQ(result_of("Process.waitpid2(fork { exec '/bin/sh', '-c', 'exit 5' })[1].exitstatus"), "5");
  EXPECT_EQ(result_of("Process.waitpid2(fork { Exec.execve({ 'A' => '6' }, 'exit $A') })[1].exitstatus"), "6");
}

TEST(Process, ForkIsRefusedWhereItCannotBe) {
  const auto engine = engine_with();
  engine->forbid_fork();
  EXPECT_EQ(result_of(*engine, "begin; fork; rescue NotImplementedError => e; e.message; end"),
            "fork: not while a file system is served (use system)");
  EXPECT_EQ(result_of(*engine, "system('true')"), "true");
}

TEST(System, DirectoriesAreMadeListedAndRemoved) {
  EXPECT_EQ(result_of("d = \"/tmp/fusebox-ruby-#{$$}\"; Dir.mkdir(d); Dir.mkdir(d + '/a', 0700); "
                      "found = [Dir.children(d), File.stat(d + '/a').mode.to_s(8), "
                      "(begin; Dir.mkdir(d); rescue Errno::EEXIST; 'there'; end)]; "
                      "Dir.rmdir(d + '/a'); Dir.rmdir(d); found << Dir.exist?(d); found.inspect"),
            R"([["a"], "40700", "there", false])");
  EXPECT_EQ(result_of("Uname.sysname"), "Linux");
}

}  // namespace
}  // namespace fusebox::ruby
