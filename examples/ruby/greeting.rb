# Two texts in a directory: /hello never changes, /board can be rewritten.
#
#   fusebox script examples/ruby/greeting.rb /mnt
#   cat /mnt/hello; echo "back at five" > /mnt/board
FUSE.path = "/mnt/greeting"
FUSE.fsname = "greeting"

FileStat = Struct.new(:st_mode, :st_nlink, :st_size)

class Greeting
  TEXTS = {
    "/hello" => [0444, "Good morning from Ruby.\n"],
    "/board" => [0644, "Wipe me and write.\n"]
  }

  # Runs once for each path, before the first hook; the object is kept while somebody may come back to it.
  def initialize(path)
    @path = path
    @mode, text = TEXTS[path]
    @text = text.dup if text
  end

  def on_getattr
    return FileStat.new(FUSE::S_IFDIR | 0755, 2, nil) if @path == "/"
    FileStat.new(FUSE::S_IFREG | @mode, 1, @text.size) if @text # nil: no such file
  end

  def on_readdir
    TEXTS.keys.map { |path| path[1..-1] } if @path == "/"
  end

  def on_open
    0 if @text
  end

  def on_read_all
    [@text, @text.size] if @text
  end

  def on_truncate(size)
    @text = (@text + "\0" * size)[0, size]
    0
  end

  def on_write(data, offset)
    head = (@text + "\0" * offset)[0, offset]
    @text = head + data + (@text[(offset + data.size)..-1] || "")
    data.size
  end
end

FUSE.run Greeting
