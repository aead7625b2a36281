// A directory on the mirror and one beside it, to which the same happens: each operation is performed on both, and what
// they answer has to be the same.
//
// One thread at a time.  An operation is named by its number: what it does follows from (seed, world, number) and from
// the operations before it.
#pragma once

#include <sys/stat.h>
#include <sys/types.h>

#include <array>
#include <cstdint>
#include <deque>
#include <stdexcept>
#include <string>

#include "random.h"
#include "tree.h"

namespace fusebox::model {

// Both sides, and what went before.
struct Difference : std::runtime_error {
  using std::runtime_error::runtime_error;
};

struct Outcome {
  long value = 0;
  int error = 0;
  std::string data;  // what was read, listed, or found to be wrong

  static Outcome of(long returned);
  static Outcome read(long returned, const std::string& buffer);
  bool operator==(const Outcome&) const = default;
};

struct Mapping {
  char* at = nullptr;
  std::size_t length = 0;
  bool writes = false;
  int file = -1;  // its own descriptor, to see how long the file is now
};

struct Side {
  static constexpr std::size_t kFiles = 10;
  static constexpr std::size_t kMappings = 2;

  std::string top;
  std::array<int, kFiles> files{};
  std::array<Mapping, kMappings> mappings{};
};

// What a file system may do differently without being wrong is left out in the one world or the other.
struct Traits {
  // fallocate(2) without a hole: after it, SEEK_DATA depends on what is in the page cache.
  bool preallocates = false;
  // Writes through mappings.  They set the times when it suits the kernel, which on a mirror also takes up to a second
  // to see the times that a passed-through mapping sets: where they happen, times are not compared.
  bool writes_mappings = false;
  // These are not written back at once.
  bool is_lazy = false;
  // Set-id bits, and then nobody writes as root: on a mirror the kernel cannot pass on that root's writes keep them.
  bool sets_ids = false;
};

class World {
 public:
  // `mirrored` is compared with `plain`, and with `host`: the same directory not seen through the mirror.
  // `continues`: both are there already, and the same; else they are made.
  World(std::string name, std::string mirrored, std::string plain, std::string host, std::uint64_t seed,
        std::uint64_t key, Traits traits, bool continues = false);
  ~World();
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  // Throws a Difference.
  void perform(std::uint64_t number);
  void compare_trees();

  std::uint64_t performed() const { return performed_; }

 private:
  struct Kind {
    unsigned weight;
    void (World::*perform)();
    bool writes = false;
  };
  static const Kind kKinds[];

  // On the mirror, then beside it.
  template <typename Act>
  void both(std::string what, Act act);
  void remember(const std::string& what, const Outcome& outcome);
  [[noreturn]] void differ(const std::string& what, const std::string& mirror, const std::string& plain) const;
  Times times() const { return traits_.writes_mappings ? Times::none : Times::set; }

  std::string any_path();
  std::string any_directory();
  std::size_t any_file() { return random_.below(Side::kFiles); }
  off_t any_offset();
  std::size_t any_length();

  // Opening.
  void open_file();
  void open_temporary();
  void close_file();
  // Data.
  void read_at();
  void write_at();
  void read_on();
  void write_on();
  void seek();
  void seek_hole_or_data();
  void truncate_path();
  void truncate_file();
  void allocate();
  void copy_range();
  void send_file();
  void sync_file();
  void whole_content();
  // Mappings.
  void map_once();
  void map_file();
  void read_mapping();
  void write_mapping();
  void unmap();
  // Names.
  void rename_path();
  void link_path();
  void link_file();
  void unlink_path();
  void make_symlink();
  void read_symlink();
  void make_directory();
  void remove_directory();
  void make_fifo();
  void list_path();
  void list_file();
  void remove_tree();
  // Attributes.
  void stat_path();
  void stat_file();
  void is_same_file();
  void change_mode();
  void change_owner();
  void change_times();
  void set_attribute();
  void get_attribute();
  void list_attributes();
  void remove_attribute();
  void pause();

  const std::string name_;
  const std::string host_;
  const std::uint64_t seed_;
  const std::uint64_t key_;
  const Traits traits_;
  std::array<Side, 2> sides_;
  Random random_{0};
  std::uint64_t number_ = 0;
  std::uint64_t performed_ = 0;
  uid_t user_ = 0;
  std::deque<std::string> last_;
};

}  // namespace fusebox::model
