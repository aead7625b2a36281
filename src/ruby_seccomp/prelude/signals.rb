# Blocks for signals.  Ruby is no place for a signal handler: it may be in the middle of anything, its allocator
# included.  So the handler writes the signal down, a trapped call fails with ENOSYS, and the block runs when the method
# that made it has come back: each that goes to the system looks for signals at its end, as does the end of the script.
class SignalThread
  Info = Struct.new(:signo, :code, :pid, :uid, :syscall, :arch, :call_addr)

  @blocks = {}
  @running = false

  class << self
    def trap(signal, options = {}, &block)
      raise ArgumentError, "no block given" unless block
      number = signal.is_a?(Integer) ? signal : Fusebox.signal_number(signal.to_s.sub("SIG", ""))
      raise ArgumentError, "unsupported signal: #{signal}" unless number
      detailed = options[:detailed]
      watch(number) { |info| detailed ? block.call(info) : block.call(info.signo) }
      true
    end

    def watch(number, &block)
      install
      @blocks[number] = block
      Fusebox.catch_signal(number)
    end

    # Runs the blocks of all signals since the last time.
    def run
      return if @running
      @running = true
      begin
        while (fields = Fusebox.next_signal)
          info = Info.new(*fields)
          block = @blocks[info.signo]
          block.call(info) if block
        end
      ensure
        @running = false
      end
    end

    private

    # Only a script that traps pays for it.
    def install
      return if @installed
      @installed = true
      [Fusebox, Uname, Dir, Process, File, IO, Exec].each { |owner| run_after(owner.singleton_class) }
      [IO, File].each { |owner| run_after(owner) }
    end

    def run_after(owner)
      owner.instance_methods(false).each do |name|
        next if UNTOUCHED.include?(name)
        original = :"__without_signals_#{name}"
        owner.alias_method(original, name)
        owner.define_method(name) do |*args, &block|
          begin
            SignalThread.run
            __send__(original, *args, &block)
          ensure
            SignalThread.run
          end
        end
      end
    end
  end

  # What run itself is made of; and what gives birth to objects.
  UNTOUCHED = %i[next_signal catch_signal signal_number allocate initialize initialize_copy new open]
end

module Seccomp
  # The block gets the number of each call with a rule `trap`; see SignalThread for when.
  def self.on_trap(&block)
    raise ArgumentError, "no block given" unless block
    SignalThread.watch(Fusebox.signal_number("SYS")) { |info| block.call(info.syscall) }
    true
  end
end
