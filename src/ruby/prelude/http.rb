# HTTP messages, and Curl, which sends them: in the manner of the mruby gems of these names.
module HTTP
  class Request
    attr_accessor :method, :body, :headers, :schema, :host, :port, :path, :query

    def initialize
      @method = "GET"
      @headers = {}
    end
  end

  class Response
    attr_accessor :status_code, :message, :headers, :body

    def initialize(status_code = 0, message = "", headers = {}, body = "")
      @status_code, @message, @headers, @body = status_code, message, headers, body
    end

    # `head`: the status line and the header lines.
    def self.parse(status_code, head, body)
      first, *lines = head.split("\r\n")
      headers = {}
      lines.each do |line|
        name, value = line.split(":", 2)
        headers[name.strip] = value.strip if value
      end
      new(status_code, (first || "").split(" ", 3)[2] || "", headers, body)
    end

    # A header whatever the case of its letters.
    def [](name)
      pair = headers.find { |key, _| key.downcase == name.downcase }
      pair && pair[1]
    end

    def content_length
      length = self["Content-Length"]
      length ? length.to_i : body.size
    end

    def chunked?
      self["Transfer-Encoding"].to_s.downcase.include?("chunked")
    end
  end

  module URL
    PLAIN = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"

    def self.encode(text)
      text.bytes.map { |byte| PLAIN.include?(byte.chr) && byte != 0 ? byte.chr : "%%%02X" % byte }.join
    end

    def self.decode(text)
      head, *parts = text.gsub("+", " ").split("%", -1)
      head.to_s + parts.map { |part| hex?(part[0, 2]) ? part[0, 2].hex.chr + part[2..-1] : "%" + part }.join
    end

    def self.hex?(digits)
      digits.size == 2 && digits.bytes.all? { |byte| "0123456789abcdefABCDEF".include?(byte.chr) }
    end
  end
end

class Curl
  SSL_VERIFYPEER = :ssl_verifypeer
  CAINFO = :cainfo
  HTTP_VERSION = :http_version
  TIMEOUT = :timeout
  TIMEOUT_MS = :timeout_ms

  attr_accessor :timeout_ms, :ssl_verifypeer, :cainfo, :http_version

  def self.global_init
    nil
  end

  def initialize
    @timeout_ms = 5000
    @ssl_verifypeer = true
    @http_version = 0
  end

  def timeout=(seconds)
    @timeout_ms = (seconds * 1000).to_i
  end

  def timeout
    @timeout_ms / 1000.0
  end

  # Hides Object#send, as it does in the gem.
  def send(url, request, &block)
    perform(request.method, url, request.headers, request.body, &block)
  end

  def get(url, headers = {}, &block)
    perform("GET", url, headers, nil, &block)
  end

  def delete(url, headers = {}, &block)
    perform("DELETE", url, headers, nil, &block)
  end

  def post(url, data, headers = {}, &block)
    perform("POST", url, headers, form(data), &block)
  end

  def put(url, data, headers = {}, &block)
    perform("PUT", url, headers, form(data), &block)
  end

  def patch(url, data, headers = {}, &block)
    perform("PATCH", url, headers, form(data), &block)
  end

  private

  def form(data)
    return data unless data.is_a?(Hash)
    data.map { |key, value| "#{HTTP::URL.encode(key.to_s)}=#{HTTP::URL.encode(value.to_s)}" }.join("&")
  end

  # Raises Curl::Error where no answer came; an answer that tells of an error is an answer.  With a block each piece of
  # the body goes there, with the head before it.
  def perform(method, url, headers, body, &block)
    raise Curl::Error, "no URL" if url.nil? || url.empty?
    lines = headers.map { |name, value| "#{name}: #{value}" }
    answer = Fusebox.http(method, url, lines, body, @timeout_ms, @http_version, @ssl_verifypeer, @cainfo, &block)
    HTTP::Response.parse(*answer)
  end
end
