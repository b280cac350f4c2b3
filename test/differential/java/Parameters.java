package judge;

import com.fasterxml.jackson.databind.JsonNode;
import java.time.Duration;

/** The numbers of a case, such as a window's length. */
record Parameters(JsonNode values) {
    Duration duration(String name) {
        return Duration.ofMillis(values.get(name).asLong());
    }
}
