# examples/hello.cc in Ruby: every name greets you.  With the argument `cached` the kernel may remember it all.
Stat = Struct.new(:st_mode, :st_nlink, :st_size)

class Greeting
  def initialize(path)
    @text = "Hello, #{path[1..-1]}!\n"
    @stat = path == "/" ? Stat.new(FUSE::S_IFDIR | 0755, 2, 0) : Stat.new(FUSE::S_IFREG | 0444, 1, @text.size)
  end

  def on_getattr
    Stat.new(@stat.st_mode, @stat.st_nlink, @stat.st_size)
  end

  def on_open
    0
  end

  def on_read_all
    [@text, @text.size]
  end
end

FUSE.entry_timeout = 0
FUSE.cache_time = 86400 if ARGV.last == "cached"
FUSE.run Greeting
