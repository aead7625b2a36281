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
    attr_reader :klass, :args, :pool

    # Mounts, and serves until it is unmounted; gives the exit status.
    def run(klass, *args)
      @klass = klass
      @args = args
      invoke_fuse_main([program_name, path])
    end

    def invoke_fuse_main(argv)
      return help if argv.include?("-h")
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
end
