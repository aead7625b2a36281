# ENV: the environment of the process, in the manner of a Hash.
class << ENV
  def fetch(name, *default)
    value = self[name]
    return value unless value.nil?
    return yield(name) if block_given?
    return default[0] unless default.empty?
    raise KeyError, "key not found: #{name.inspect}"
  end

  def key?(name)
    !self[name].nil?
  end

  alias include? key?
  alias has_key? key?
  alias store []=

  def delete(name)
    value = self[name]
    self[name] = nil
    value
  end

  def to_hash
    hash = {}
    keys.each { |name| hash[name] = self[name] }
    hash
  end

  alias to_h to_hash

  def values
    keys.map { |name| self[name] }
  end

  def each(&block)
    to_hash.each(&block)
    self
  end

  def inspect
    to_hash.inspect
  end

  def to_s
    "ENV"
  end
end
