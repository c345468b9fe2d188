class ManagementTask(object):

    def call(self, data):
        pass
