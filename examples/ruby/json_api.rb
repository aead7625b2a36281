# A JSON document from the network as a directory: objects and arrays are directories, all else is a file.
#
#   API_URL=https://api.example.org/status fusebox script examples/ruby/json_api.rb /mnt
#   cat /mnt/services/0/name
#
# The document is fetched when it is first needed, and again when it is older than five seconds.
FUSE.path = "/mnt/api"
FUSE.fsname = "json_api"

FileStat = Struct.new(:st_mode, :st_nlink, :st_size)

class Document
  KEEP = 5 # seconds

  def initialize(url)
    @url = url
  end

  def root
    fetch if @time.nil? || Time.now - @time > KEEP
    @root
  end

  def fetch
    response = Curl.new.get(@url)
    raise Errno::EIO, "#{@url}: #{response.status_code}" unless response.status_code == 200
    @root = JSON.parse(response.body)
    @time = Time.now
  end

  # The value at /services/0/name; raises where there is none.
  def at(path)
    path.split("/").reject(&:empty?).reduce(root) do |value, name|
      children = Document.children(value)
      raise Errno::ENOENT, path unless children && children.key?(name)
      children[name]
    end
  end

  # Name => value; nil for what has none.  A name cannot hold a slash.
  def self.children(value)
    case value
    when Hash
      named = {}
      value.each { |key, child| named[key.gsub("/", "%2F")] = child unless ["", ".", ".."].include?(key) }
      named
    when Array
      named = {}
      value.each_with_index { |child, index| named[index.to_s] = child }
      named
    end
  end
end

class Value
  def initialize(path, document)
    @path = path
    @document = document
  end

  def value
    @document.at(@path)
  end

  def text
    found = value
    "#{found.is_a?(String) ? found : found.to_json}\n"
  end

  def on_getattr
    return FileStat.new(FUSE::S_IFDIR | 0555, 2, nil) if Document.children(value)
    FileStat.new(FUSE::S_IFREG | 0444, 1, text.size)
  end

  def on_readdir
    (Document.children(value) || raise(Errno::ENOTDIR, @path)).keys
  end

  def on_open
    value
    0
  end

  def on_read_all
    whole = text
    [whole, whole.size]
  end
end

FUSE.run Value, Document.new(ENV.fetch("API_URL"))
