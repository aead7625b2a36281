# The module FUSE, as fusuma's scripts know it: settings, the pool of objects, and FUSE.run.
S_IFDIR = 0040000
S_IFREG = 0100000
S_IFLNK = 0120000

module FUSE
  S_IFDIR = 0040000
  S_IFREG = 0100000
  S_IFLNK = 0120000

  @pool = {}

  class << self
    attr_accessor :program_name, :path, :fsname, :subtype, :uid, :gid, :allow_root, :multithread, :daemonize,
                  :extra_fuse_options
    # Beyond fusuma: seconds, and true, false or nil (docs/scripting.md).
    attr_accessor :cache_time, :entry_timeout, :hook_timeout, :forget
    attr_accessor :read_only, :debug
    attr_reader :klass, :args, :pool

    # Mounts, and serves until it is unmounted; gives the exit status.
    def run(klass, *args)
      @klass = klass
      @args = args
      invoke_fuse_main([program_name, path] + (extra_fuse_options || []))
    end

    def invoke_fuse_main(argv)
      return help if argv.include?("-h")
      MountOptions.take(argv[2..-1] || [])
      Fusebox.serve_file_system(argv[1])
    end

    def help
      puts "usage: fusebox script FILE.rb [MOUNTPOINT] [ARGS...]"
      0
    end

    def find_or_create_instance_by_path(path)
      pool[path] ||= klass.new(path, *args)
    end

    # The content or the attributes of `path` are no longer what the kernel was told.  False: it does not know the path.
    def notify(path)
      Fusebox.notify_of(path)
    end
  end

  # The words of libfuse's command line.  What would change something that is not known here is an error, as it is there.
  module MountOptions
    TEXTS = %w[fsname subtype]
    NUMBERS = %w[uid gid entry_timeout attr_timeout]
    ATTRIBUTES = { "attr_timeout" => "cache_time" }
    FLAGS = { "allow_root" => :allow_root, "ro" => :read_only, "debug" => :debug }
    # What holds in any case, or changes nothing that anybody could see.
    ALWAYS = %w[allow_other async_read big_writes default_permissions nodev nonempty nosuid rw]

    def self.take(words)
      words = words.map(&:to_s)
      until words.empty?
        case word = words.shift
        when "-f" then FUSE.daemonize = false
        when "-s" then nil
        when "-d" then FUSE.debug = true
        when "-o" then take_list(words.shift || unknown("-o"))
        else word.start_with?("-o") ? take_list(word[2..-1]) : unknown(word)
        end
      end
    end

    def self.take_list(list)
      list.split(",").each do |option|
        name, value = option.split("=", 2)
        if value.nil?
          next if ALWAYS.include?(name)
          FUSE.__send__("#{FLAGS[name] || unknown(option)}=", true)
        else
          FUSE.__send__("#{attribute(name) || unknown(option)}=", TEXTS.include?(name) ? value : number(option, value))
        end
      end
    end

    def self.attribute(name)
      ATTRIBUTES[name] || ((TEXTS + NUMBERS).include?(name) ? name : nil)
    end

    def self.number(option, value)
      value.include?(".") ? Float(value) : Integer(value)
    rescue ArgumentError
      unknown(option)
    end

    def self.unknown(option)
      raise ArgumentError, "FUSE.extra_fuse_options: #{option} is not known here (docs/scripting.md has the list)"
    end
  end
end
