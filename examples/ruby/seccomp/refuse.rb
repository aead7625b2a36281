# Runs a command in which one system call fails: refuse.rb uname EBUSY uname -a
call, error, *command = ARGV
if command.empty?
  puts "Usage: #{$0} CALL ERRNO COMMAND [ARG...]"
  exit 2
end

filter = Seccomp.new(default: :allow) do |rule|
  rule.errno(Errno.const_get(error)::Errno, call)
end

# Only the child is held to the filter.
_, status = filter.fork(true) { exec(*command) }
puts status.signaled? ? "ended by signal #{status.termsig}" : "ended with #{status.exitstatus}"
