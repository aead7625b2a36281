# Looking on at the calls of others.
module Seccomp
  class << self
    # Calls the block with number, pid and userdata of each call with a rule `trace`, before it is done, of `pid` and of
    # all that it starts.  Returns how `pid` ended.
    def start_trace(pid)
      trace = Trace.new(pid)
      begin
        while (call = trace.next)
          yield(*call)
        end
      ensure
        trace.release
      end
      $? = Process::Status.new(pid, trace.status)
    end

    # The same for the first such call only; then all go on alone.
    def start_trace_detach(pid)
      trace = Trace.new(pid)
      call = trace.next
      trace.release
      yield(*call) if call
      $? = Process::Status.new(pid, trace.status & 0xffff)
    end
  end
end
