# Lets a command make directories below one place only, by asking us each time: ask.rb /tmp/here mkdir /tmp/elsewhere
#
# This is for looking on and for honest programs. The path lies in the command's memory, which it may change between our
# look at it and the kernel's; what must hold against a hostile one is a rule of `fusebox run`.
place, *command = ARGV
if command.empty?
  puts "Usage: #{$0} PLACE COMMAND [ARG...]"
  exit 2
end

ours, theirs = Socket.pair(Socket::AF_UNIX, Socket::SOCK_STREAM, 0)

pid = fork do
  filter = Seccomp.new(default: :allow) { |rule| rule.notify(:mkdir) }
  filter.load
  Seccomp.sendfd(theirs, filter.notify_fd)
  exec(*command)
end

IO.for_fd(theirs).close # or we would wait for ever for a child that died

# A path in the memory of another process; nil where it cannot be read.
def path_at(pid, address)
  File.open("/proc/#{pid}/mem", "r") do |memory|
    memory.sysseek(address)
    memory.sysread(4096).split("\0")[0]
  end
rescue StandardError
  nil
end

calls = Seccomp::Notification.new(Seccomp.recvfd(ours))
loop do
  calls.respond do |call|
    path = path_at(call.pid, call.raw_args[0])
    if path && path.start_with?("#{place}/")
      call.continue = true
    else
      puts "refused: mkdir #{path.inspect}"
      call.reterror = -Errno::EACCES::Errno
    end
  end
end
exit Process.waitpid2(pid)[1].exitstatus || 1
