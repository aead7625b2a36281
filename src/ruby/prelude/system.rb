# Directories, and what stat(2) says of files.
class Dir
  def self.entries(path)
    [".", ".."] + children(path)
  end

  def self.exist?(path)
    File.directory?(path)
  end

  class << self
    alias unlink rmdir
    alias delete rmdir
  end
end

class File
  # Times are nanoseconds since 1970.
  Stat = Struct.new(:st_mode, :st_nlink, :st_size, :st_uid, :st_gid, :st_ino, :st_atime, :st_mtime, :st_ctime) do
    def size
      st_size
    end

    def mode
      st_mode
    end

    def directory?
      (st_mode & 0170000) == 0040000
    end

    def file?
      (st_mode & 0170000) == 0100000
    end

    def symlink?
      (st_mode & 0170000) == 0120000
    end
  end

  def self.stat(path)
    Stat.new(*Fusebox.stat(path))
  end

  def self.lstat(path)
    Stat.new(*Fusebox.lstat(path))
  end
end
