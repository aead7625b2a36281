# What the script of a policy finds: on, and what on_access and the blocks of on are given.
Fusebox.const_set(:MAIN, self)

module Fusebox
  # An access that the policy permits so far.
  class Access
    SCOPES = [:process, :program, :all]

    attr_reader :op, :want, :path, :to, :pid, :tid, :uid, :exe

    def initialize(op, want, path, to, pid, tid, uid, exe)
      @op, @want, @path, @to, @exe = op.to_sym, want.to_sym, path, to, exe
      @to = nil if to.empty?
      @pid, @tid, @uid = pid.to_i, tid.to_i, uid.to_i
      @seconds, @scope = 1, :process
    end

    # Its mere name, without the directory.
    def program
      @exe.split("/").last.to_s
    end

    # The words that the process was started with.  It can change them itself.
    def argv
      @argv ||= begin
        words = File.open("/proc/#{@pid}/cmdline") { |file| file.read.to_s }
        raise "process #{@pid} does not tell its arguments" if words.empty?
        words = words[0, words.size - 1] if words.end_with?("\0")
        words.split("\0", -1)
      end
    end

    def stat?
      @want == :stat
    end

    def read?
      @want == :read
    end

    def write?
      @want == :write
    end

    # How long the answer holds for the same operation on the same path, and for whom.
    def hold(seconds, scope = :process)
      raise ArgumentError, "hold wants a number of seconds" unless seconds.is_a?(Numeric) && seconds >= 0
      raise ArgumentError, "hold wants :process, :program or :all" unless SCOPES.include?(scope)
      @seconds, @scope = [seconds, 86400 * 365].min, scope
    end

    def holds
      "#{(@seconds * 1000).to_i} #{@scope}"
    end
  end

  # Something that has happened.
  class Event
    attr_reader :seq, :op, :path, :to, :pid, :uid, :exe, :verdict, :json

    def initialize(seq, op, path, to, pid, uid, exe, verdict, json)
      @seq, @op, @path, @to, @exe, @verdict, @json = seq.to_i, op.to_sym, path, to, exe, verdict.to_sym, json
      @to = nil if to.empty?
      @pid = pid.empty? ? nil : pid.to_i
      @uid = uid.to_i
    end

    def program
      @exe.split("/").last.to_s
    end

    alias to_json json
  end

  module Hook
    VERDICTS = [nil, :allow, :deny, :predict, :hide]
    @rules = []
    @blocks = []

    class << self
      attr_reader :rules

      def answers?
        MAIN.respond_to?(:on_access)
      end

      def add(events, paths, line, block)
        raise ArgumentError, "on without a block" unless block
        events, paths = [events].flatten.map { |word| word.to_s }, paths.flatten.map { |path| path.to_s }
        raise ArgumentError, "on without an event" if events.empty?
        raise ArgumentError, "on without a path" if paths.empty?
        (events + paths).each { |word| raise ArgumentError, "a NUL or a line break in #{word.inspect}" if word.include?("\0") || word.include?("\n") }
        @rules << ([line.to_s, events.join(",")] + paths).join("\n")
        @blocks << block
        nil
      end

      def answer(*fields)
        access = Access.new(*fields)
        verdict = MAIN.on_access(access)
        unless VERDICTS.include?(verdict)
          raise TypeError, "on_access gave #{verdict.inspect}, not :allow, :deny, :predict, :hide or nil"
        end
        "#{verdict || :allow} #{access.holds}"
      end

      def act(block, *fields)
        @blocks[block].call(Event.new(*fields))
      end
    end
  end
end

module Kernel
  # A rule that acts: the block is called for each event on one of the paths, or below.
  def on(events, *paths, &block)
    frame = caller.find { |place| !place.start_with?("fusebox:") }.to_s
    Fusebox::Hook.add(events, paths, frame.split(":in ")[0].to_s.split(":").last.to_i, block)
  end
end
