# A filter in the making.
module Seccomp
  class Context
    class << self
      attr_accessor :last
    end

    def initialize(default)
      complain __start(default.to_i)
      Context.last = self
    end

    # `action` as Seccomp.new takes it; `syscall` a name or a number; `args` made by Seccomp.ARG.
    def add_rule(action, syscall, *args)
      name = syscall.is_a?(Integer) ? Seccomp.syscall_to_name(syscall) : syscall.to_s
      raise ArgumentError, "unknown system call: #{syscall}" unless name && Seccomp.syscall_to_i(name)
      conditions = args.each_with_index.map { |arg, index| condition(arg, index) }
      complain __add(Seccomp.to_action(*action).to_i, name, *conditions)
      0
    end

    def allow(syscall, *args)
      add_rule(SCMP_ACT_ALLOW, syscall, *args)
    end

    def kill(syscall, *args)
      add_rule(SCMP_ACT_KILL, syscall, *args)
    end

    def kill_process(syscall, *args)
      add_rule(SCMP_ACT_KILL_PROCESS, syscall, *args)
    end

    def trap(syscall, *args)
      add_rule(SCMP_ACT_TRAP, syscall, *args)
    end

    def log(syscall, *args)
      add_rule(SCMP_ACT_LOG, syscall, *args)
    end

    def notify(syscall, *args)
      add_rule(SCMP_ACT_NOTIFY, syscall, *args)
    end

    def errno(errno, syscall, *args)
      add_rule(Seccomp.SCMP_ACT_ERRNO(errno), syscall, *args)
    end

    def trace(syscall, userdata, *args)
      add_rule(Seccomp.SCMP_ACT_TRACE(userdata), syscall, *args)
    end

    # Holds this process, and all that it starts, to the filter from now on.
    def load
      __load
    end

    alias load! load

    # No rules any more, and another default.
    def reset(action)
      complain __start(Seccomp.to_action(*action).to_i)
      0
    end

    # Loads the filter in a child alone.
    def fork(wait = false)
      pid = Process.fork do
        load
        yield
      end
      wait ? Process.waitpid2(pid) : pid
    end

    alias jailed_fork fork

    private

    def condition(arg, index)
      raise ArgumentError, "a system call has 6 arguments, no more" if index > 5
      raise TypeError, "not made by Seccomp::ARG: #{arg.inspect}" unless arg.respond_to?(:to_real_operator)
      arg.to_real_operator(index).fields
    end

    def complain(complaint)
      raise ArgumentError, complaint if complaint
    end
  end
end
