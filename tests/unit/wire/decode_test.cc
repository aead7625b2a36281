#include "wire/decode.h"

#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <string>
#include <vector>

namespace fusebox::wire {
namespace {

using namespace std::string_view_literals;
using Bytes = std::vector<std::byte>;

std::span<const std::byte> bytes_of(std::string_view text) { return std::as_bytes(std::span(text)); }

// A request of `length` argument bytes, of which the last `extensions` words of eight bytes are extensions.
Bytes message_of(std::size_t length, std::uint16_t extensions = 0) {
  Bytes bytes(sizeof(InHeader) + length);
  const InHeader header{.len = static_cast<std::uint32_t>(bytes.size()),
                        .opcode = 1,
                        .unique = 2,
                        .nodeid = 3,
                        .uid = 4,
                        .gid = 5,
                        .pid = 6,
                        .total_extlen = extensions,
                        .padding = 0};
  std::memcpy(bytes.data(), &header, sizeof(header));
  return bytes;
}

TEST(DecodeMessage, SeparatesHeaderAndArguments) {
  const Bytes bytes = message_of(24);
  const Result<Message> message = decode_message(bytes);
  ASSERT_TRUE(message);
  EXPECT_EQ(message->header.unique, 2u);
  EXPECT_EQ(message->header.nodeid, 3u);
  EXPECT_EQ(message->header.pid, 6u);
  EXPECT_EQ(message->arguments.size(), 24u);
  EXPECT_EQ(message->arguments.data(), bytes.data() + sizeof(InHeader));
}

TEST(DecodeMessage, StripsExtensions) {
  EXPECT_EQ(decode_message(message_of(24, 1))->arguments.size(), 16u);
  EXPECT_EQ(decode_message(message_of(24, 3))->arguments.size(), 0u);
}

TEST(DecodeMessage, RefusesMoreExtensionsThanBytes) {
  EXPECT_FALSE(decode_message(message_of(24, 4)));
  EXPECT_FALSE(decode_message(message_of(0, 1)));
  EXPECT_FALSE(decode_message(message_of(24, 0xffff)));
}

TEST(DecodeMessage, RefusesWhatIsShorterThanAHeader) {
  const Bytes bytes = message_of(0);
  for (std::size_t length = 0; length < sizeof(InHeader); ++length) {
    EXPECT_FALSE(decode_message(std::span(bytes).first(length))) << length;
  }
  EXPECT_TRUE(decode_message(bytes));
}

TEST(DecodeMessage, RefusesALengthThatDisagreesWithTheBytes) {
  const Bytes bytes = message_of(16);
  EXPECT_FALSE(decode_message(std::span(bytes).first(bytes.size() - 1)));
  Bytes longer = bytes;
  longer.push_back(std::byte{0});
  EXPECT_FALSE(decode_message(longer));
}

TEST(ArgumentReader, TakesArgumentsInOrder) {
  Bytes bytes;
  const MkdirIn in{.mode = 0755, .umask = 022};
  bytes.resize(sizeof(in));
  std::memcpy(bytes.data(), &in, sizeof(in));
  const auto rest = bytes_of("name\0value"sv);
  bytes.insert(bytes.end(), rest.begin(), rest.end());

  ArgumentReader reader(bytes);
  EXPECT_EQ(reader.take<MkdirIn>()->umask, 022u);
  EXPECT_EQ(reader.take_name()->text(), "name");
  EXPECT_EQ(reader.take_bytes(5)->size(), 5u);
  EXPECT_EQ(reader.take_bytes(0)->size(), 0u);
  EXPECT_EQ(reader.take_bytes(1), fail(Errno::io));
}

TEST(ArgumentReader, AStructureThatIsCutShortIsAnError) {
  const Bytes bytes(sizeof(SetattrIn));
  for (std::size_t length = 0; length < bytes.size(); ++length) {
    ArgumentReader reader(std::span(bytes).first(length));
    EXPECT_FALSE(reader.take<SetattrIn>()) << length;
  }
}

TEST(ArgumentReader, AFailedTakeConsumesNothing) {
  const Bytes bytes(4);
  ArgumentReader reader(bytes);
  EXPECT_FALSE(reader.take<std::uint64_t>());
  EXPECT_TRUE(reader.take<std::uint32_t>());
}

TEST(ArgumentReader, AStringNeedsItsNul) {
  EXPECT_FALSE(ArgumentReader(bytes_of("no end"sv)).take_string());
  EXPECT_FALSE(ArgumentReader(bytes_of(""sv)).take_string());
  EXPECT_EQ(ArgumentReader(bytes_of("\0"sv)).take_string(), ""sv);
}

TEST(ArgumentReader, TwoStringsFollowEachOther) {
  ArgumentReader reader(bytes_of("old\0new\0"sv));
  EXPECT_EQ(reader.take_name()->text(), "old");
  EXPECT_EQ(reader.take_name()->text(), "new");
  EXPECT_FALSE(reader.take_name());
}

TEST(ArgumentReader, ANameIsCheckedAndNulTerminatedWhereItLies) {
  const auto bytes = bytes_of("abc\0def\0"sv);
  const Result<Name> name = ArgumentReader(bytes).take_name();
  ASSERT_TRUE(name);
  EXPECT_STREQ(name->c_str(), "abc");
  EXPECT_EQ(static_cast<const void*>(name->c_str()), bytes.data());
  EXPECT_EQ(ArgumentReader(bytes_of("a/b\0"sv)).take_name().error(), Errno::invalid);
  EXPECT_EQ(ArgumentReader(bytes_of("..\0"sv)).take_name().error(), Errno::invalid);
  EXPECT_EQ(ArgumentReader(bytes_of("\0"sv)).take_name().error(), Errno::invalid);
  EXPECT_EQ(ArgumentReader(bytes_of(std::string(256, 'x') + '\0')).take_name().error(), Errno::name_too_long);
}

// ---------------------------------------------------------------------------------------------- extensions

// One block: its size, its kind, and what is in it.
Bytes block_of(std::uint32_t size, std::uint32_t type, std::string_view contents) {
  const ExtensionHeader header{.size = size, .type = type};
  const auto head = std::as_bytes(std::span(&header, 1));
  Bytes bytes(head.begin(), head.end());
  const auto rest = bytes_of(contents);
  bytes.insert(bytes.end(), rest.begin(), rest.end());
  return bytes;
}

TEST(DecodeExtensions, TakesGroupsAndContexts) {
  Bytes bytes = block_of(16, kSupplementaryGroups, "\1\0\0\0\x64\0\0\0"sv);
  const Bytes contexts = block_of(24, 1, "\2\0\0\0\0\0\0\0a.b\0xy\0\0"sv);
  bytes.insert(bytes.end(), contexts.begin(), contexts.end());
  const Extensions extensions = decode_extensions(bytes);
  EXPECT_EQ(extensions.supplementary_groups, std::vector<gid_t>{100});
  ASSERT_EQ(extensions.security_contexts.size(), 1u);
  EXPECT_EQ(extensions.security_contexts[0].name, "a.b");
  EXPECT_EQ(extensions.security_contexts[0].value.size(), 2u);
}

TEST(DecodeExtensions, ReadsNothingOutsideOfTheBytes) {
  const Bytes whole = block_of(32, 2, "\2\0\0\0\0\0\0\0a.b\0xy\0\0\0\0\0\0\0\0\0\0c\0"sv);
  for (std::size_t length = 0; length <= whole.size(); ++length) {
    const Bytes cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(length));  // a sanitizer knows its end
    EXPECT_LE(decode_extensions(cut).security_contexts.size(), 2u);
  }
}

TEST(DecodeExtensions, TakesNothingOfABlockThatIsMalformed) {
  const Extensions groups = decode_extensions(block_of(16, kSupplementaryGroups, "\2\0\0\0\x64\0\0\0"sv));
  EXPECT_TRUE(groups.supplementary_groups.empty());
  const Extensions contexts = decode_extensions(block_of(24, 2, "\2\0\0\0\0\0\0\0a.b\0xy\0\0"sv));
  EXPECT_TRUE(contexts.security_contexts.empty());
}

}  // namespace
}  // namespace fusebox::wire
