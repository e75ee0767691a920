// Members of a JSON object, one call each.
#pragma once

#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include <cmath>
#include <cstdint>
#include <string>

namespace fulcrum::apps {

using Json = rapidjson::Writer<rapidjson::StringBuffer>;

inline void Put(Json* json, const char* name, const std::string& value) {
  json->Key(name);
  json->String(value.data(), static_cast<rapidjson::SizeType>(value.size()));
}

inline void Put(Json* json, const char* name, uint64_t value) {
  json->Key(name);
  json->Uint64(value);
}

inline void PutSigned(Json* json, const char* name, int64_t value) {
  json->Key(name);
  json->Int64(value);
}

// JSON has no NaN: null, what cannot be computed.
inline void PutNumber(Json* json, const char* name, double value) {
  json->Key(name);
  if (std::isfinite(value)) {
    json->Double(value);
  } else {
    json->Null();
  }
}

}  // namespace fulcrum::apps
