#include "fusebox/fault.h"

#include <gtest/gtest.h>

#include <cerrno>

#include "base/utf8.h"

namespace fusebox {
namespace {

TEST(Printable, KeepsTextOfAnyLanguage) {
  EXPECT_EQ(printable("/home/ada/naïve.txt"), "/home/ada/naïve.txt");
  EXPECT_EQ(printable("日本語 🦀"), "日本語 🦀");
  EXPECT_EQ(printable(""), "");
}

TEST(Printable, EscapesControlCharacters) {
  EXPECT_EQ(printable("a\nb\tc"), "a\\x0ab\\x09c");
  EXPECT_EQ(printable("\x1b[31mred\x7f"), "\\x1b[31mred\\x7f");
  EXPECT_EQ(printable(std::string_view("\0", 1)), "\\x00");
}

TEST(Printable, EscapesControlCharactersOfTwoBytes) {
  EXPECT_EQ(printable("a\xc2\x9b"
                      "31m"),
            "a\\xc2\\x9b31m");
}

TEST(Printable, EscapesEachByteThatIsNotUtf8) {
  EXPECT_EQ(printable("\xff"
                      "a\xc3"),
            "\\xffa\\xc3");
  EXPECT_EQ(printable("\xed\xa0\x80"), "\\xed\\xa0\\x80");
}

TEST(Fault, IsOneLineOfWhatWhyAndRemedy) {
  EXPECT_EQ((Fault{.what = "open /x", .why = "Permission denied", .remedy = "run as root"}).line(),
            "open /x: Permission denied (run as root)");
  EXPECT_EQ((Fault{.what = "open /x", .why = "", .remedy = "run as root"}).line(), "open /x (run as root)");
  EXPECT_EQ((Fault{.what = "open /x", .why = "", .remedy = ""}).line(), "open /x");
}

TEST(Fault, StaysOneLineWhateverItsPartsHold) {
  const std::string line = Fault{.what = "open /a\nb", .why = "\r\x1b[2J", .remedy = "no\vway"}.line();
  EXPECT_EQ(line, "open /a\\x0ab: \\x0d\\x1b[2J (no\\x0bway)");
}

TEST(Fault, SaysWhatErrnoSays) {
  errno = ENOENT;
  const Fault fault = fault_with_errno("open /x", "make it");
  EXPECT_EQ(fault.line(), "open /x: No such file or directory (make it)");
  EXPECT_EQ(fault.code, ExitCode::failed);
}

TEST(Utf8, KnowsTheLengthOfEachSequence) {
  EXPECT_EQ(utf8_length("a"), 1u);
  EXPECT_EQ(utf8_length("\xc2\x80"), 2u);
  EXPECT_EQ(utf8_length("\xdf\xbf"), 2u);
  EXPECT_EQ(utf8_length("\xe0\xa0\x80"), 3u);
  EXPECT_EQ(utf8_length("\xef\xbf\xbf"), 3u);
  EXPECT_EQ(utf8_length("\xf0\x90\x80\x80"), 4u);
  EXPECT_EQ(utf8_length("\xf4\x8f\xbf\xbf"), 4u);
}

TEST(Utf8, RefusesWhatRfc3629Refuses) {
  for (const char* bytes :
       {"\x80", "\xbf", "\xc0\x80", "\xc1\xbf", "\xe0\x9f\xbf", "\xed\xa0\x80", "\xed\xbf\xbf", "\xf0\x8f\xbf\xbf",
        "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xff", "\xc3", "\xe2\x82", "\xf0\x9f\xa6", "\xc3(", "\xe2\x82("}) {
    EXPECT_EQ(utf8_length(bytes), 0u) << ::testing::PrintToString(bytes);
  }
}

}  // namespace
}  // namespace fusebox
