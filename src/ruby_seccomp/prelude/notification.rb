# Answering calls for others.
module Seccomp
  class Notification
    # Nobody is left who could notify.  It ends a `loop`.
    class Closed < StopIteration
    end

    attr_accessor :pid, :notify_fd, :raw_args, :retval, :reterror, :continue
    attr_reader :syscall

    def initialize(notify_fd)
      @notify_fd = notify_fd
      @continue = false
    end

    # Waits for a call, has the block say what becomes of it, and answers.  A block that raises refuses it (EPERM).
    def respond
      call = Fusebox.receive_call(@notify_fd)
      raise Closed, "all processes under the filter have ended" unless call
      begin_call(*call)
      answered = false
      begin
        yield self
        raise StandardError, "the process that called is gone" unless id_valid?
        Fusebox.answer_call(@notify_fd, @id, @continue ? true : false, @retval || 0, @reterror || 0)
        answered = true
      ensure
        refuse unless answered
        forget
      end
      nil
    end

    # Whether the call still waits: its pid may by now be another process.
    def id_valid?
      @id ? Fusebox.still_waits(@notify_fd, @id) : false
    end

    private

    def begin_call(id, pid, syscall, *args)
      @id, @pid, @syscall, @raw_args = id, pid, syscall, args
      @continue = false
    end

    def refuse
      Fusebox.answer_call(@notify_fd, @id, false, 0, Errno::EPERM::Errno) if id_valid?
    rescue SystemCallError
      nil
    end

    def forget
      @id = @pid = @syscall = @raw_args = @retval = @reterror = nil
    end
  end

  class << self
    def sendfd(socket, descriptor)
      Fusebox.send_descriptor(number_of(socket), number_of(descriptor))
    end

    def recvfd(socket)
      Fusebox.receive_descriptor(number_of(socket))
    end

    private

    def number_of(descriptor)
      descriptor.respond_to?(:fileno) ? descriptor.fileno : descriptor
    end
  end
end
