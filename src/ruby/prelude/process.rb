# Process, and how a process ended.
module Process
  class Status
    attr_reader :pid

    # `status` as wait(2) gives it.
    def initialize(pid, status)
      @pid, @status = pid, status
    end

    def to_i
      @status
    end

    def exited?
      (@status & 0x7f) == 0
    end

    def exitstatus
      exited? ? (@status >> 8) & 0xff : nil
    end

    def success?
      exited? ? exitstatus == 0 : nil
    end

    def signaled?
      (@status & 0x7f) != 0 && !stopped?
    end

    def termsig
      signaled? ? @status & 0x7f : nil
    end

    def coredump?
      signaled? && (@status & 0x80) != 0
    end

    def stopped?
      (@status & 0xff) == 0x7f
    end

    def stopsig
      stopped? ? (@status >> 8) & 0xff : nil
    end

    def ==(other)
      other.is_a?(Status) ? @status == other.to_i : @status == other
    end

    def to_s
      signal = termsig || stopsig
      return "pid #{@pid} exit #{exitstatus}" unless signal
      "pid #{@pid} #{stopped? ? 'stopped ' : ''}SIG#{Fusebox.signal_name(signal)} (signal #{signal})"
    end

    def inspect
      "#<Process::Status: #{self}>"
    end
  end

  class << self
    # The block runs in the child, which ends with it; without a block, nil is what the child gets.
    def fork
      pid = Fusebox.fork
      if pid == 0
        $$ = Process.pid
        return nil unless block_given?
        Fusebox.end_after { yield }
      end
      pid
    end

    def waitpid(pid = -1, flags = 0)
      ended = waitpid2(pid, flags)
      ended && ended[0]
    end

    alias wait waitpid
    alias wait2 waitpid2

    def kill(signal, *pids)
      number = signal
      unless signal.is_a?(Integer)
        number = Fusebox.signal_number(signal.to_s.sub("SIG", ""))
        raise ArgumentError, "unsupported signal: #{signal}" unless number
      end
      pids.each { |pid| Fusebox.kill(number, pid) }
      pids.size
    end
  end
end
