# SystemCallError and what the classes of Errno have in common.
class SystemCallError < StandardError
  # As in Ruby: SystemCallError.new("open x", 2) is an Errno::ENOENT.
  def self.new(message = nil, number = nil)
    message, number = nil, message if message.is_a?(Integer) && number.nil?
    known = equal?(SystemCallError) ? Errno::BY_NUMBER[number] : nil
    known ? known.new(message) : super(message, number)
  end

  # What mruby's own C code calls when a system call failed.
  def self._sys_fail(number, message = nil)
    raise new(message, number)
  end

  attr_reader :errno

  def initialize(message = nil, number = nil)
    @errno = number || (self.class.const_defined?(:Errno) ? self.class.const_get(:Errno) : nil)
    text = @errno ? Fusebox.strerror(@errno) : "unknown error"
    super(message ? "#{text} - #{message}" : text)
  end
end
