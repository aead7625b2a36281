# The commits of a git repository as directories, with the trees that belong to them: no checkout needed.
#
#   GIT_DIR=/srv/project/.git fusebox script examples/ruby/git_objects.rb /mnt
#   ls /mnt; cat /mnt/HEAD/tree/README.md; cat /mnt/HEAD/message
#
# What a commit holds never changes, so the kernel may keep it; only the names at the top are looked up afresh.
FUSE.path = "/mnt/git"
FUSE.fsname = "git_objects"

class Repository
  Found = Struct.new(:type, :size)

  def initialize(directory)
    @directory = directory
    @known = {}
  end

  def git(*words)
    command = ["git", "--git-dir", @directory, *words].map { |word| quoted(word) }.join(" ")
    output = `#{command} 2>/dev/null`
    raise Errno::ENOENT, words.last unless $?.to_i == 0
    output
  end

  def quoted(word)
    "'" + word.gsub("'", "'\\\\''") + "'"
  end

  def names
    git("for-each-ref", "--format=%(refname:short)").split("\n").reject { |name| name.include?("/") } + ["HEAD"]
  end

  # The whole name of a commit, from any name of it.
  def commit(name)
    git("rev-parse", "--verify", "--quiet", "--end-of-options", "#{name}^{commit}").chomp
  end

  # Objects are named by their content: what was asked once need not be asked again.
  def find(object)
    @known[object] ||= begin
      type = git("cat-file", "-t", object).chomp
      Found.new(type, git("cat-file", "-s", object).to_i)
    end
  end

  def tree(object)
    git("ls-tree", "-z", "--name-only", object).split("\0")
  end

  def content(type, object)
    git("cat-file", type, object)
  end

  def message(commit)
    git("log", "-1", "--format=%B", commit)
  end
end

class GitPath
  FileStat = Struct.new(:st_mode, :st_nlink, :st_size, :st_valid)
  FOREVER = 86400

  def initialize(path, repository)
    @repository = repository
    _, @name, @part, *@below = path.split("/")
  end

  def top?
    @name.nil?
  end

  def commit
    @repository.commit(@name)
  end

  # What git calls the file or directory here: COMMIT:src/main.c
  def object
    raise Errno::ENOENT, @part unless @part == "tree"
    "#{commit}:#{@below.join('/')}"
  end

  def on_getattr
    return directory(0) if top?
    commit # raises where there is none
    return directory(0) if @part.nil?
    return file(@repository.message(commit).size) if @part == "message" && @below.empty?
    found = @repository.find(object)
    found.type == "tree" ? directory(FOREVER) : file(found.size)
  end

  def directory(valid)
    FileStat.new(FUSE::S_IFDIR | 0555, 2, nil, valid)
  end

  def file(size)
    FileStat.new(FUSE::S_IFREG | 0444, 1, size, FOREVER)
  end

  def on_readdir
    return @repository.names if top?
    return %w[tree message] if @part.nil?
    @repository.tree(object)
  end

  def on_open
    0
  end

  def on_read_all
    text = @part == "message" ? @repository.message(commit) : @repository.content("blob", object)
    [text, text.size]
  end
end

FUSE.run GitPath, Repository.new(ENV["GIT_DIR"] || ".git")
