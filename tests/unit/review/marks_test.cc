#include "review/marks.h"

#include <gtest/gtest.h>

namespace fusebox::review {
namespace {

TEST(Marks, AreThoseOfTheirNamespaceAlone) {
  const Xattrs xattrs = {
      {"trusted.overlay.opaque", "y"}, {"user.overlay.redirect", "/etc"}, {"user.fusebox.moving", "12"}};
  EXPECT_TRUE(marks_of(xattrs, Namespace::trusted).opaque);
  EXPECT_FALSE(marks_of(xattrs, Namespace::trusted).redirect);
  EXPECT_FALSE(marks_of(xattrs, Namespace::user).opaque);
  EXPECT_EQ(marks_of(xattrs, Namespace::user).redirect, "/etc");
  EXPECT_EQ(marks_of(xattrs, Namespace::user).moving, 12);
}

TEST(Marks, OfADirectoryWithMarkedWhiteoutsDoNotMakeItOpaque) {
  const Marks marks = marks_of({{"user.overlay.opaque", "x"}}, Namespace::user);
  EXPECT_FALSE(marks.opaque);
  EXPECT_TRUE(marks.whiteouts_inside);
}

TEST(Marks, AreNotShownAndWhatABoxSetIs) {
  const Xattrs xattrs = {
      {"trusted.overlay.origin", "x"},         {"trusted.fusebox.origin", "x"}, {"user.colour", "red"},
      {"trusted.overlay.overlay.opaque", "y"}, {"security.selinux", "x"},       {"user.overlay.opaque", "y"},
      {"system.posix_acl_access", "acl"}};
  const Xattrs shown = {{"user.colour", "red"},
                        {"trusted.overlay.opaque", "y"},
                        {"user.overlay.opaque", "y"},
                        {"system.posix_acl_access", "acl"}};
  EXPECT_EQ(shown_xattrs(xattrs, Namespace::trusted), shown);
}

TEST(Marks, LeadNowhereOutsideOfTheLowerLayer) {
  for (const char* good : {"/etc", "/usr/share/doc", "name", "/...", "/a/..b"})
    EXPECT_TRUE(is_good_redirect(good)) << good;
  for (const char* bad : {"", "/", "//", "/a/", "a/b", "..", ".", "/..", "/a/../b", "/./a", "/a//b"}) {
    EXPECT_FALSE(is_good_redirect(bad)) << bad;
  }
}

TEST(Marks, AWhiteoutIsADeviceOrAMarkedFileWhereSuchMayBe) {
  Entry entry{.status = {.mode = S_IFCHR}};
  EXPECT_TRUE(entry.is_whiteout({}));
  entry.status.rdev = 0x103;
  EXPECT_FALSE(entry.is_whiteout({}));
  const Entry marked{.status = {.mode = S_IFREG}, .marks = {.whiteout = true}};
  EXPECT_FALSE(marked.is_whiteout({}));
  EXPECT_TRUE(marked.is_whiteout({.whiteouts_inside = true}));
  const Entry full{.status = {.mode = S_IFREG, .size = 1}, .marks = {.whiteout = true}};
  EXPECT_FALSE(full.is_whiteout({.whiteouts_inside = true}));
}

}  // namespace
}  // namespace fusebox::review
