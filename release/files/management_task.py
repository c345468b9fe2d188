# The management task runs once in each management interval. data is the message
# that somebody sent, or None; what call() gives back is the reply.


class ManagementTask(object):

    def call(self, data):
        if data is not None:
            return 'Got "{}"'.format(data)
