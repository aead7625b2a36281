# mruby-seccomp's module: filters for system calls.
module Seccomp
  VERSION = "0.1.0"

  # What a rule `trace` gives to the tracer.
  class Tracer
    attr_reader :userdata

    def initialize(userdata)
      raise ArgumentError, "userdata: 0 to 65535, not #{userdata}" unless (0..65535).include?(userdata)
      @userdata = userdata
    end

    def to_i
      TRACE_BASE | @userdata
    end
  end

  # One argument's condition, in its place.
  class ArgOperator
    attr_reader :fields

    # Without a second number it is 0, which only a masked comparison looks at.
    def initialize(index, op, first, second = nil)
      @fields = [index, op, first, second || 0]
    end
  end

  # One argument's condition, as it is written: its place in the list of a rule's arguments is the argument it tests.
  class RawOp
    OPS = { :== => SCMP_CMP_EQ, :!= => SCMP_CMP_NE, :< => SCMP_CMP_LT, :<= => SCMP_CMP_LE, :> => SCMP_CMP_GT,
            :>= => SCMP_CMP_GE, :=~ => SCMP_CMP_MASKED_EQ,
            :eq => SCMP_CMP_EQ, :ne => SCMP_CMP_NE, :lt => SCMP_CMP_LT, :le => SCMP_CMP_LE, :gt => SCMP_CMP_GT,
            :ge => SCMP_CMP_GE, :masked_eq => SCMP_CMP_MASKED_EQ, :masqed_eq => SCMP_CMP_MASKED_EQ,
            :SCMP_CMP_EQ => SCMP_CMP_EQ, :SCMP_CMP_NE => SCMP_CMP_NE, :SCMP_CMP_LT => SCMP_CMP_LT,
            :SCMP_CMP_LE => SCMP_CMP_LE, :SCMP_CMP_GT => SCMP_CMP_GT, :SCMP_CMP_GE => SCMP_CMP_GE,
            :SCMP_CMP_MASKED_EQ => SCMP_CMP_MASKED_EQ }

    def initialize(op, first, second = nil)
      @op = op.is_a?(Integer) ? op : OPS[op.to_sym]
      raise ArgumentError, "Invalid op expression: #{op}" unless @op
      @first, @second = first, second
    end

    def to_real_operator(index)
      ArgOperator.new(index, @op, @first, @second)
    end
  end

  ACTIONS = { kill: SCMP_ACT_KILL, kill_thread: SCMP_ACT_KILL_THREAD, kill_process: SCMP_ACT_KILL_PROCESS,
              trap: SCMP_ACT_TRAP, log: SCMP_ACT_LOG, notify: SCMP_ACT_NOTIFY, allow: SCMP_ACT_ALLOW }

  class << self
    def new(options = {})
      default = options[:default]
      raise ArgumentError, "Please specify default action by `default: ...'" unless default
      context = Context.new(to_action(*default))
      yield context if block_given?
      context
    end

    def ARG(op, first, second = nil)
      RawOp.new(op, first, second)
    end

    def SCMP_ACT_ERRNO(number)
      number = Errno.const_get(number) if number.is_a?(Symbol) || number.is_a?(String)
      number = number.const_get(:Errno) if number.is_a?(Class)
      raise ArgumentError, "errno: 0 to 4095, not #{number.inspect}" unless (0..4095).include?(number)
      ERRNO_BASE | number
    end

    def SCMP_ACT_TRACE(userdata)
      Tracer.new(userdata)
    end

    def to_action(action, *args)
      return action if action.is_a?(Integer) || action.is_a?(Tracer)
      name = action.to_s
      name = name[9..-1].downcase if name.start_with?("SCMP_ACT_")
      case name
      when "errno" then SCMP_ACT_ERRNO(args[0])
      when "trace" then SCMP_ACT_TRACE(args[0])
      else ACTIONS[name.to_sym] || raise(ArgumentError, "Invalid action name: #{action}")
      end
    end

    def to_syscall(syscall)
      syscall.is_a?(Integer) ? syscall : syscall_to_i(syscall)
    end

    def syscall_to_i(name)
      Fusebox.call_number(name.to_s)
    end

    def syscall_to_name(number)
      Fusebox.call_name(number)
    end

    def syscall_to_tupple(number)
      name = syscall_to_name(number)
      name && [name, number]
    end
  end
end

# What read(2) takes at most: the example in mruby-seccomp's README compares with it.
class File
  SSIZE_MAX = 0x7fffffffffffffff
end
