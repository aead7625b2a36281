# Counts system calls of a command and of all that it starts: count.rb openat,execve make
calls, *command = ARGV
if command.empty?
  puts "Usage: #{$0} CALL[,CALL...] COMMAND [ARG...]"
  exit 2
end

pid = fork do
  filter = Seccomp.new(default: :allow) { |rule| calls.split(",").each { |call| rule.trace(call, 0) } }
  sleep 0.2 # until the tracer is there: without one, these calls fail
  filter.load
  exec(*command)
end

counts = {}
status = Seccomp.start_trace(pid) do |number, _pid, _userdata|
  name = Seccomp.syscall_to_name(number)
  counts[name] = (counts[name] || 0) + 1
end
counts.keys.sort.each { |name| puts "#{name} #{counts[name]}" }
exit status.exitstatus || 1
