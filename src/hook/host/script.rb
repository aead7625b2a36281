# What the script of a policy finds: on, and what on_access and the blocks of on are given.
Fusebox.const_set(:MAIN, self)

module Fusebox
  # An access that the policy permits so far.  It remembers what on_access looked at: what it did not look at cannot have
  # made a difference.
  class Access
    SCOPES = [:process, :program, :all]
    BITS = { stat: 1, read: 2, write: 4 }
    ALL = 7

    attr_reader :pid, :tid, :uid, :exe, :milliseconds, :scope, :wants, :any_path

    def initialize(op, want, path, to, pid, tid, uid, exe)
      @op, @want, @path, @to, @pid, @tid, @uid, @exe = op, want, path, to, pid, tid, uid, exe
      @milliseconds, @scope, @wants, @any_path = 1000, :process, ALL, true
    end

    def path
      @any_path = false
      @path
    end

    def to
      @any_path = false
      @to
    end

    # Its mere name, without the directory.
    def program
      @exe.split("/").last.to_s
    end

    # The words that the process was started with.  It can change them itself.
    def argv
      @argv ||= Hook.words_of(@pid).dup
    end

    def op
      @wants = 0
      @op
    end

    def want
      @wants &= BITS[@want]
      @want
    end

    def stat?
      wants?(:stat)
    end

    def read?
      wants?(:read)
    end

    def write?
      wants?(:write)
    end

    def inspect
      "#<Access #{op} #{path}>"
    end
    alias to_s inspect

    # How long the answer holds for the same operation on the same path, and for whom.
    def hold(seconds, scope = :process)
      raise ArgumentError, "hold wants a number of seconds" unless seconds.is_a?(Numeric) && seconds >= 0
      raise ArgumentError, "hold wants :process, :program or :all" unless SCOPES.include?(scope)
      @milliseconds, @scope = ([seconds, 86400 * 365].min * 1000).to_i, scope
    end

    private

    def wants?(what)
      is_it = @want == what
      @wants &= is_it ? BITS[what] : ALL - BITS[what]
      is_it
    end
  end

  # Something that has happened.
  class Event
    attr_reader :seq, :op, :path, :to, :pid, :uid, :exe, :verdict, :json

    def initialize(seq, op, path, to, pid, uid, exe, verdict, json)
      @seq, @op, @path, @to, @exe, @verdict, @json = seq, op.to_sym, path, to, exe, verdict.to_sym, json
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
    MOST_LINES = 256
    @rules = []
    @blocks = []
    @words = {}

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
        [verdict || :allow, access.milliseconds, access.scope, access.wants, access.any_path]
      end

      # Read each time, since a process may become another program, but taken apart once.
      def words_of(pid)
        line = command_line(pid)
        raise "process #{pid} does not tell its arguments" if line.empty?
        @words.clear if @words.size >= MOST_LINES
        @words[line] ||= begin
          words = line.end_with?("\0") ? line[0, line.size - 1] : line
          words.split("\0", -1).each { |word| word.freeze }
        end
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
