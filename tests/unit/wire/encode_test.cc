#include "wire/encode.h"

#include <dirent.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/sysmacros.h>

#include <array>
#include <cstring>
#include <string>

namespace fusebox::wire {
namespace {

using namespace std::chrono_literals;

Attr some_attr() {
  Attr attr;
  attr.ino = 0x1122334455667788;
  attr.size = 5'000'000'000;
  attr.blocks = 9'765'632;
  attr.atime = {.tv_sec = 1, .tv_nsec = 999'999'999};
  attr.mtime = {.tv_sec = -1, .tv_nsec = 5};
  attr.ctime = {.tv_sec = 0x1'0000'0000, .tv_nsec = 0};
  attr.mode = S_IFREG | 04755;
  attr.nlink = 3;
  attr.uid = 1000;
  attr.gid = 0xfffffffe;
  attr.rdev = makedev(8, 1);
  attr.blksize = 4096;
  return attr;
}

TEST(EncodeAttr, CarriesEveryField) {
  const WireAttr out = encode_attr(some_attr());
  EXPECT_EQ(out.ino, 0x1122334455667788u);
  EXPECT_EQ(out.size, 5'000'000'000u);
  EXPECT_EQ(out.blocks, 9'765'632u);
  EXPECT_EQ(out.atime, 1u);
  EXPECT_EQ(out.atimensec, 999'999'999u);
  EXPECT_EQ(static_cast<std::int64_t>(out.mtime), -1);
  EXPECT_EQ(out.mtimensec, 5u);
  EXPECT_EQ(out.ctime, 0x1'0000'0000u);
  EXPECT_EQ(out.mode, static_cast<std::uint32_t>(S_IFREG | 04755));
  EXPECT_EQ(out.nlink, 3u);
  EXPECT_EQ(out.uid, 1000u);
  EXPECT_EQ(out.gid, 0xfffffffeu);
  EXPECT_EQ(out.rdev, 0x801u);
  EXPECT_EQ(out.blksize, 4096u);
  EXPECT_EQ(out.flags, 0u);
}

TEST(EncodeEntry, ValidityIsSecondsAndNanoseconds) {
  Attr attr = some_attr();
  attr.valid_for = 2s + 1ns;
  const EntryOut entry = encode_entry(42, attr, 500ms);
  EXPECT_EQ(entry.nodeid, 42u);
  EXPECT_EQ(entry.generation, 0u);
  EXPECT_EQ(entry.entry_valid, 0u);
  EXPECT_EQ(entry.entry_valid_nsec, 500'000'000u);
  EXPECT_EQ(entry.attr_valid, 2u);
  EXPECT_EQ(entry.attr_valid_nsec, 1u);
  EXPECT_EQ(entry.attr.ino, attr.ino);
}

TEST(EncodeEntry, ValidityNeverRoundsUp) {
  Attr attr;
  attr.valid_for = 1s - 1ns;
  const AttrOut out = encode_attr_out(attr);
  EXPECT_EQ(out.attr_valid, 0u);
  EXPECT_EQ(out.attr_valid_nsec, 999'999'999u);
}

TEST(EncodeEntry, NegativeValidityIsNone) {
  Attr attr;
  attr.valid_for = -1ns;
  const EntryOut entry = encode_entry(1, attr, -5s);
  EXPECT_EQ(entry.entry_valid, 0u);
  EXPECT_EQ(entry.entry_valid_nsec, 0u);
  EXPECT_EQ(entry.attr_valid, 0u);
  EXPECT_EQ(entry.attr_valid_nsec, 0u);
}

TEST(EncodeEntry, TheLongestValidityStaysInRange) {
  Attr attr;
  attr.valid_for = Validity::max();
  const AttrOut out = encode_attr_out(attr);
  EXPECT_EQ(out.attr_valid, 9'223'372'036u);
  EXPECT_EQ(out.attr_valid_nsec, 854'775'807u);
}

TEST(Device, UsesTheKernelsSplitOfTheMinorNumber) {
  EXPECT_EQ(encode_device(makedev(1, 3)), 0x103u);                 // /dev/null
  EXPECT_EQ(encode_device(makedev(0xfff, 0xff)), 0xfffffu);        // all of the low parts
  EXPECT_EQ(encode_device(makedev(0, 0x100)), 0x100000u);          // the first high bit of the minor number
  EXPECT_EQ(encode_device(makedev(0xabc, 0xfffff)), 0xfffabcffu);  // everything
  EXPECT_EQ(decode_device(0x103u), makedev(1, 3));
  EXPECT_EQ(decode_device(0xfffabcffu), makedev(0xabc, 0xfffff));
}

TEST(Device, SurvivesTheRoundTrip) {
  for (unsigned high : {0u, 1u, 8u, 0xffu, 0x100u, 0xfffu}) {
    for (unsigned low : {0u, 1u, 0xffu, 0x100u, 0x12345u, 0xfffffu}) {
      EXPECT_EQ(decode_device(encode_device(makedev(high, low))), makedev(high, low)) << high << ":" << low;
    }
  }
}

TEST(DecodeSetattr, TakesOnlyWhatIsMarkedValid) {
  SetattrIn in{};
  in.mode = 0777;
  in.uid = 1;
  in.size = 2;
  in.atime = 3;
  const SetAttr nothing = decode_setattr(in);
  EXPECT_FALSE(nothing.mode || nothing.uid || nothing.gid || nothing.size || nothing.atime || nothing.mtime);
  EXPECT_FALSE(nothing.kill_suid_sgid);
}

TEST(DecodeSetattr, EachBitStandsForOneMember) {
  SetattrIn in{};
  in.mode = S_IFREG | 06755;
  in.uid = 10;
  in.gid = 20;
  in.size = 1ull << 40;
  in.atime = static_cast<std::uint64_t>(-5);
  in.atimensec = 1;
  in.mtime = 7;
  in.mtimensec = 999'999'999;
  const auto only = [&in](std::uint32_t valid) {
    SetattrIn copy = in;
    copy.valid = valid;
    return decode_setattr(copy);
  };
  EXPECT_EQ(only(1u << 0).mode, 06755u);  // permission bits alone
  EXPECT_EQ(only(1u << 1).uid, 10u);
  EXPECT_EQ(only(1u << 2).gid, 20u);
  EXPECT_EQ(only(1u << 3).size, 1ull << 40);
  EXPECT_EQ(only(1u << 4).atime->moment.tv_sec, -5);
  EXPECT_EQ(only(1u << 4).atime->moment.tv_nsec, 1);
  EXPECT_FALSE(only(1u << 4).atime->now);
  EXPECT_FALSE(only(1u << 4).mtime);
  EXPECT_EQ(only(1u << 5).mtime->moment.tv_sec, 7);
  EXPECT_EQ(only(1u << 5).mtime->moment.tv_nsec, 999'999'999);
  EXPECT_TRUE(only(1u << 4 | 1u << 7).atime->now);
  EXPECT_TRUE(only(1u << 5 | 1u << 8).mtime->now);
  EXPECT_FALSE(only(1u << 7).atime);
  EXPECT_TRUE(only(1u << 11).kill_suid_sgid);
}

TEST(DirentWriter, WritesRecordsPaddedToEightBytes) {
  std::array<std::byte, 256> buffer;
  buffer.fill(std::byte{0xee});
  DirentWriter writer(buffer);
  ASSERT_TRUE(writer.add("a", 0x11, DT_REG, 1));
  ASSERT_TRUE(writer.add("12345678", 0x22, DT_DIR, 2));
  EXPECT_EQ(writer.size(), 32u + 32u);

  Dirent first{};
  std::memcpy(&first, buffer.data(), sizeof(first));
  EXPECT_EQ(first.ino, 0x11u);
  EXPECT_EQ(first.off, 1u);
  EXPECT_EQ(first.namelen, 1u);
  EXPECT_EQ(first.type, static_cast<std::uint32_t>(DT_REG));
  EXPECT_EQ(buffer[24], std::byte{'a'});
  for (std::size_t i = 25; i < 32; ++i) EXPECT_EQ(buffer[i], std::byte{0}) << i;

  Dirent second{};
  std::memcpy(&second, buffer.data() + 32, sizeof(second));
  EXPECT_EQ(second.namelen, 8u);
  EXPECT_EQ(std::memcmp(buffer.data() + 56, "12345678", 8), 0);
  EXPECT_EQ(buffer[64], std::byte{0xee});
}

TEST(DirentWriter, NeverSplitsARecord) {
  for (std::size_t size = 0; size < 32; ++size) {
    std::array<std::byte, 32> buffer;
    buffer.fill(std::byte{0xee});
    DirentWriter writer(std::span(buffer).first(size));
    EXPECT_FALSE(writer.add("a", 1, DT_REG, 1)) << size;
    EXPECT_EQ(writer.size(), 0u);
    EXPECT_EQ(buffer[0], std::byte{0xee});
  }
}

TEST(DirentWriter, ASmallerRecordMayFitWhereALargerDidNot) {
  std::array<std::byte, 64> buffer{};
  DirentWriter writer(buffer);
  EXPECT_TRUE(writer.add("a", 1, DT_REG, 1));
  EXPECT_FALSE(writer.add("123456789", 2, DT_REG, 2));
  EXPECT_TRUE(writer.add("b", 3, DT_REG, 3));
  EXPECT_FALSE(writer.add("c", 4, DT_REG, 4));
  EXPECT_EQ(writer.size(), 64u);
}

TEST(DirentWriter, PutsTheEntryBeforeTheRecord) {
  std::array<std::byte, 160> buffer{};
  DirentWriter writer(buffer);
  EXPECT_TRUE(writer.fits_plus("name"));
  EXPECT_FALSE(writer.fits_plus("123456789"));
  ASSERT_TRUE(writer.add_plus("name", encode_entry(9, some_attr(), 1s), 77, DT_LNK, 5));
  EXPECT_EQ(writer.size(), 160u);
  EXPECT_FALSE(writer.add_plus("x", EntryOut{}, 1, DT_REG, 6));
  DirentPlus record{};
  std::memcpy(&record, buffer.data(), sizeof(record));
  EXPECT_EQ(record.entry.nodeid, 9u);
  EXPECT_EQ(record.entry.entry_valid, 1u);
  EXPECT_EQ(record.dirent.ino, 77u);
  EXPECT_EQ(record.dirent.off, 5u);
  EXPECT_EQ(record.dirent.namelen, 4u);
  EXPECT_EQ(std::memcmp(buffer.data() + 152, "name\0\0\0\0", 8), 0);
}

TEST(EncodeStatx, SaysOnlyWhatIsKnownOfTheBirth) {
  Attr attr = some_attr();
  EXPECT_EQ(encode_statx_out(attr).stat.mask, static_cast<std::uint32_t>(STATX_BASIC_STATS));
  attr.btime = timespec{.tv_sec = -5, .tv_nsec = 6};
  const StatxOut out = encode_statx_out(attr);
  EXPECT_EQ(out.stat.mask, static_cast<std::uint32_t>(STATX_BASIC_STATS | STATX_BTIME));
  EXPECT_EQ(out.stat.btime.tv_sec, -5);
  EXPECT_EQ(out.stat.btime.tv_nsec, 6u);
  EXPECT_EQ(out.stat.mode, S_IFREG | 04755);
}

TEST(Locks, ComeBackAsTheyWere) {
  for (const std::uint32_t type : {0u, 1u, 2u}) {  // F_RDLCK, F_WRLCK, F_UNLCK
    const FileLock lock{.start = 5, .end = ~0ull, .type = type, .pid = 4711};
    const std::optional<fusebox::FileLock> decoded = decode_lock(lock);
    ASSERT_TRUE(decoded) << type;
    const FileLock encoded = encode_lock(*decoded);
    EXPECT_EQ(std::memcmp(&encoded, &lock, sizeof(lock)), 0) << type;
  }
}

TEST(Locks, ThatCannotBeAreNotDecoded) {
  EXPECT_FALSE(decode_lock({.start = 1, .end = 0, .type = F_WRLCK, .pid = 0}));
  EXPECT_FALSE(decode_lock({.start = 0, .end = 0, .type = 3, .pid = 0}));
  EXPECT_TRUE(decode_lock({.start = 0, .end = 0, .type = F_WRLCK, .pid = 0}));
}

}  // namespace
}  // namespace fusebox::wire
