# A writable tree in memory: files, directories, symbolic links, attributes.  Gone when it is unmounted.
#
#   fusebox script examples/ruby/notes.rb /mnt
#   mkdir /mnt/todo; echo milk > /mnt/todo/shop; mv /mnt/todo/shop /mnt/later
#
# An object belongs to one path, and a rename makes the old object go: what must outlive it is in the table, which every
# object gets from FUSE.run.
FUSE.path = "/mnt/notes"
FUSE.fsname = "notes"

Stat = Struct.new(:st_mode, :st_nlink, :st_size, :st_uid, :st_gid, :st_mtime)
Entry = Struct.new(:mode, :data, :uid, :gid, :time, :attributes)

def new_entry(mode, data = "")
  Entry.new(mode, data, Process.uid, Process.gid, Time.now.to_i * 1_000_000_000, {})
end

class Note
  def initialize(path, table)
    @path = path
    @table = table
  end

  def entry
    @table[@path] || raise(Errno::ENOENT, @path)
  end

  def below(path)
    prefix = path == "/" ? "/" : path + "/"
    @table.keys.select { |other| other != "/" && other.start_with?(prefix) }
  end

  def add(mode, data = "")
    raise Errno::EEXIST, @path if @table[@path]
    @table[@path] = new_entry(mode, data)
    0
  end

  def on_getattr
    found = @table[@path]
    found && Stat.new(found.mode, 1, found.data.size, found.uid, found.gid, found.time)
  end

  def on_readdir
    skip = @path == "/" ? 1 : @path.size + 1
    below(@path).map { |path| path[skip..-1] }.reject { |name| name.include?("/") }
  end

  def on_create(mode)
    add(FUSE::S_IFREG | mode)
  end

  def on_mkdir(mode)
    add(FUSE::S_IFDIR | mode)
  end

  def on_symlink(target)
    add(FUSE::S_IFLNK | 0777, target)
  end

  def on_readlink
    [entry.data, entry.data.size]
  end

  def on_open
    entry && 0
  end

  def on_read(size, offset)
    part = entry.data[offset, size] || ""
    [part, part.size]
  end

  def on_write(data, offset)
    old = entry.data
    entry.data = (old + "\0" * offset)[0, offset] + data + (old[(offset + data.size)..-1] || "")
    touch
    data.size
  end

  def on_truncate(size)
    entry.data = (entry.data + "\0" * size)[0, size]
    touch
    0
  end

  def touch
    entry.time = Time.now.to_i * 1_000_000_000
  end

  def on_unlink
    @table.delete(@path) ? 0 : nil
  end

  def on_rmdir
    raise Errno::ENOTEMPTY, @path unless below(@path).empty?
    @table.delete(@path) ? 0 : nil
  end

  def on_rename(to)
    below(@path).each { |path| @table[to + path[@path.size..-1]] = @table.delete(path) }
    @table[to] = @table.delete(@path)
    0
  end

  def on_chmod(mode)
    entry.mode = (entry.mode & 0170000) | mode
    0
  end

  def on_chown(uid, gid)
    entry.uid = uid if uid
    entry.gid = gid if gid
    0
  end

  def on_utimens(_atime, mtime)
    entry.time = mtime if mtime
    0
  end

  def on_getxattr(name)
    entry.attributes[name]
  end

  def on_setxattr(name, value, _flags)
    entry.attributes[name] = value
    0
  end

  def on_listxattr
    entry.attributes.keys
  end

  def on_removexattr(name)
    entry.attributes.delete(name) && 0
  end

  def on_statfs
    { f_bsize: 4096, f_files: @table.size, f_namelen: 255 }
  end
end

FUSE.run Note, { "/" => new_entry(FUSE::S_IFDIR | 0755) }
