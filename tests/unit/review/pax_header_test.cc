#include "review/pax_header.h"

#include <gtest/gtest.h>
#include <sys/sysmacros.h>

namespace fusebox::review {
namespace {

// The records of the extended header, or nothing where there is none.
std::string records(const std::string& header) {
  if (header[156] != 'x') return {};
  const std::size_t size = std::stoul(header.substr(124, 11), nullptr, 8);
  return header.substr(kTarBlock, size);
}

std::string own_header(const std::string& header) { return header.substr(header.size() - kTarBlock); }

TEST(PaxHeader, OfAnOrdinaryFileIsOneBlock) {
  const std::string header = pax_header({.name = "usr/bin/hello",
                                         .permissions = 04755,
                                         .uid = 1000,
                                         .gid = 100,
                                         .size = 12345,
                                         .mtime = {1000000000, 0}});
  ASSERT_EQ(header.size(), kTarBlock);
  EXPECT_EQ(header.substr(0, 14), std::string("usr/bin/hello") + '\0');
  EXPECT_EQ(header.substr(100, 7), "0004755");
  EXPECT_EQ(header.substr(108, 7), "0001750");
  EXPECT_EQ(header.substr(116, 7), "0000144");
  EXPECT_EQ(header.substr(124, 11), "00000030071");
  EXPECT_EQ(header.substr(136, 11), "07346545000");
  EXPECT_EQ(header[156], '0');
  EXPECT_EQ(header.substr(257, 8), std::string("ustar\00000", 8));
}

TEST(PaxHeader, HasTheSumOfItsBytesWithTheSumItselfAsBlanks) {
  std::string header = pax_header({.name = "a\xC3\xBC", .permissions = 0644, .mtime = {1, 5}});
  for (std::size_t at = 0; at < header.size(); at += kTarBlock) {
    std::string block = header.substr(at, kTarBlock);
    if (block.substr(257, 5) != "ustar") continue;  // the records
    const unsigned long said = std::stoul(block.substr(148, 6), nullptr, 8);
    block.replace(148, 8, 8, ' ');
    unsigned long sum = 0;
    for (const char byte : block) sum += static_cast<unsigned char>(byte);
    EXPECT_EQ(said, sum);
  }
}

TEST(PaxHeader, TellsLinksAndDevicesByTheirType) {
  const std::string link = pax_header({.name = "l", .type = TarType::symlink, .link = "../there"});
  EXPECT_EQ(link[156], '2');
  EXPECT_EQ(link.substr(157, 9), std::string("../there") + '\0');
  const std::string device = pax_header({.name = "d", .type = TarType::character_device, .device = makedev(1, 3)});
  EXPECT_EQ(device[156], '3');
  EXPECT_EQ(device.substr(329, 7), "0000001");
  EXPECT_EQ(device.substr(337, 7), "0000003");
}

TEST(PaxHeader, KeepsNamesThatAreLongOrNotAscii) {
  const std::string long_name(100, 'n');
  EXPECT_EQ(records(pax_header({.name = long_name})), "");
  EXPECT_EQ(records(pax_header({.name = long_name + "n"})), "111 path=" + long_name + "n\n");
  EXPECT_EQ(records(pax_header({.name = "\xC3\xBC"})), "11 path=\xC3\xBC\n");
  EXPECT_EQ(records(pax_header({.name = "\xFF"})), "21 hdrcharset=BINARY\n9 path=\xFF\n");
  EXPECT_EQ(records(pax_header({.name = "l", .type = TarType::symlink, .link = long_name + "/"})),
            "115 linkpath=" + long_name + "/\n");
}

TEST(PaxHeader, KeepsNumbersThatAreTooLongForItsFields) {
  const std::string header = pax_header({.name = "a", .uid = 2097152, .gid = 2097151, .size = 8589934592});
  EXPECT_EQ(records(header), "15 uid=2097152\n19 size=8589934592\n");
  EXPECT_EQ(own_header(header).substr(108, 7), "0000000");
  EXPECT_EQ(own_header(header).substr(116, 7), "7777777");
}

TEST(PaxHeader, KeepsNanosecondsAndTimesBefore1970) {
  EXPECT_EQ(records(pax_header({.name = "a", .mtime = {981173106, 5}})), "29 mtime=981173106.000000005\n");
  EXPECT_EQ(records(pax_header({.name = "a", .mtime = {-1, 750000000}})), "22 mtime=-0.250000000\n");
  EXPECT_EQ(records(pax_header({.name = "a", .mtime = {-2, 0}})), "22 mtime=-2.000000000\n");
}

TEST(PaxHeader, KeepsAttributesWithAnyBytes) {
  const Xattrs xattrs = {{"user.a=b%", std::string("x\0\n", 3)}};
  EXPECT_EQ(records(pax_header({.name = "a", .xattrs = xattrs})),
            std::string("34 SCHILY.xattr.user.a%3Db%25=x\0\n\n", 34));
}

}  // namespace
}  // namespace fusebox::review
