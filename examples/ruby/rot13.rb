# A directory through a filter: what is read here is what is there with its letters turned by thirteen places, and what
# is written is turned back.  It looks encrypted and is not; put a cipher in the place of `turned` and it is.
#
#   VAULT=/srv/vault fusebox script examples/ruby/rot13.rb /mnt
#   echo "Attack at dawn" > /mnt/plan; cat /srv/vault/plan
FUSE.path = "/mnt/vault"
FUSE.fsname = "rot13"

class Filtered
  def self.turned(text)
    text.tr("A-Za-z", "N-ZA-Mn-za-m")
  end

  def initialize(path, directory)
    @there = directory + (path == "/" ? "" : path)
  end

  # Errno::ENOENT, and what else the system says, goes to the caller as it is.
  def on_getattr
    File.lstat(@there)
  end

  def on_readdir
    Dir.children(@there)
  end

  def on_readlink
    target = File.readlink(@there)
    [target, target.size]
  end

  def on_open
    File.open(@there, "r").close
    0
  end

  def on_read(size, offset)
    text = File.open(@there, "r") { |file| file.pread(size, offset) }
    [Filtered.turned(text), text.size]
  rescue EOFError
    ["", 0]
  end

  def on_write(data, offset)
    File.open(@there, "r+") { |file| file.pwrite(Filtered.turned(data), offset) }
  end

  def on_truncate(size)
    kept = size > 0 ? File.open(@there, "r") { |file| file.read(size) } : ""
    File.open(@there, "w") { |file| file.write(kept.to_s + "\0" * (size - kept.to_s.size)) }
    0
  end

  def on_create(mode)
    File.open(@there, "w").close
    File.chmod(mode, @there)
    0
  end

  def on_mkdir(mode)
    Dir.mkdir(@there, mode)
  end

  def on_unlink
    File.unlink(@there)
    0
  end

  def on_rmdir
    Dir.rmdir(@there)
  end

  def on_rename(to)
    File.rename(@there, ENV.fetch("VAULT") + to)
    0
  end

  def on_chmod(mode)
    File.chmod(mode, @there)
    0
  end
end

FUSE.run Filtered, ENV.fetch("VAULT")
